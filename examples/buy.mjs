// Sells one course from your own server and waits until the buyer is in it. Node 18 or newer; nothing to install.
//   node examples/buy.mjs http://localhost:8000 web-fundamentals
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

const [address = "http://localhost:8000", offer = "web-fundamentals"] = process.argv.slice(2);

// One key for one order: whoever sends the same again, after a timeout or a second click, gets the same answer.
const key = randomUUID();

async function order(customer) {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(`${address}/payment/initiate`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key },
        body: JSON.stringify({ offer, ...customer }),
        signal: AbortSignal.timeout(60_000), // Duitku may take its time
      });
      if (answer.ok) return await answer.json();
      const problem = await answer.json(); // RFC 9457; `code` is stable
      if (answer.status < 500 || tries === 3) throw Object.assign(new Error(problem.code), { final: true });
    } catch (error) {
      if (error.final || tries === 3) throw error;
    }
    await wait(1000 * tries);
  }
}

async function enrolled(id) {
  for (let seconds = 2; ; seconds = Math.min(seconds * 1.5, 30)) {
    const payment = await (await fetch(`${address}/payment/${id}`)).json();
    if (["completed", "expired", "failed", "refunded"].includes(payment.status)) return payment;
    await wait(seconds * 1000);
  }
}

const made = await order({
  customer_name: "Siti Rahmawati",
  customer_email: "siti@example.com",
  customer_phone: "0812-3456-7890",
});
console.log(`Send the buyer to ${made.payment_url}`);
const payment = await enrolled(made.merchant_order_id);
console.log(`${payment.merchant_order_id} is ${payment.status}`);
process.exitCode = payment.status === "completed" ? 0 : 1;

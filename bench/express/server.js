// A payment callback as a JavaScript prototype handles it: the framework parses the form, the signature is checked, the
// order is read from Redis, changed and written back, and a job is pushed on a list. Nothing of it waits for a disk.
'use strict';

const crypto = require('node:crypto');
const express = require('express');
const Redis = require('ioredis');

const { PORT, REDIS_URL, DUITKU_MERCHANT_CODE, DUITKU_API_KEY } = process.env;
const redis = new Redis(REDIS_URL);
const app = express();

app.use(express.json());
app.use(express.urlencoded({ extended: true }));

function signed(body) {
  const message = `${body.merchantCode}${body.amount}${body.merchantOrderId}`;
  const expected = crypto.createHmac('sha256', DUITKU_API_KEY).update(message).digest('hex');
  const given = String(body.signature || '');
  return given.length === expected.length && crypto.timingSafeEqual(Buffer.from(given), Buffer.from(expected));
}

app.post('/webhooks/duitku', async (req, res) => {
  try {
    if (req.body.merchantCode !== DUITKU_MERCHANT_CODE || !signed(req.body)) {
      return res.status(400).json({ error: 'Bad signature' });
    }
    const key = `payment:${req.body.merchantOrderId}`;
    const payment = JSON.parse((await redis.get(key)) || '{}');
    payment.status = req.body.resultCode === '00' ? 'paid' : 'failed';
    payment.reference = req.body.reference;
    payment.updatedAt = new Date().toISOString();
    await redis.set(key, JSON.stringify(payment));
    await redis.rpush('jobs', JSON.stringify({ orderId: req.body.merchantOrderId }));
    return res.status(200).send('OK');
  } catch (error) {
    return res.status(500).json({ error: 'Internal server error' });
  }
});

app.listen(Number(PORT), '127.0.0.1', () => console.log('listening'));

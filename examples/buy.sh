#!/bin/sh
# Sells one course with curl and waits until the buyer is in it.
#   sh examples/buy.sh http://localhost:8000 web-fundamentals
set -eu
address=${1:-http://localhost:8000}
offer=${2:-web-fundamentals}

# the value of a name in an answer; jq does it better
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

# One key for one order: the same again gets the same answer, so curl may try as often as it likes.
made=$(curl --fail-with-body --silent --show-error --retry 3 --retry-all-errors --max-time 60 \
  "$address/payment/initiate" \
  -H 'Content-Type: application/json' \
  -H "Idempotency-Key: order-$$-$(date +%s)" \
  -d "{\"offer\": \"$offer\", \"customer_name\": \"Siti Rahmawati\",
       \"customer_email\": \"siti@example.com\", \"customer_phone\": \"0812-3456-7890\"}")

id=$(printf %s "$made" | value merchant_order_id)
echo "Send the buyer to $(printf %s "$made" | value payment_url)"

while :; do
  status=$(curl --fail --silent "$address/payment/$id" | value status)
  case $status in
    completed) echo "$id is $status"; exit 0 ;;
    expired | failed | refunded) echo "$id is $status"; exit 1 ;;
  esac
  sleep 2
done

"""Calls alpaca-trade-api 3.2.0 as its users do and prints what came back. Reads one JSON object from standard input."""

import json
import os
import sys

task = json.load(sys.stdin)
os.environ["APCA_API_DATA_URL"] = task["data"]
os.environ["APCA_RETRY_MAX"] = "0"

from alpaca_trade_api.rest import REST, APIError, TimeFrame  # noqa: E402

if "token" in task:
    api = REST(base_url=task["api"], oauth=task["token"])
else:
    api = REST(task["key_id"], task["secret"], base_url=task["api"])


def attempt(call):
    try:
        return {"ok": call()}
    except APIError as refused:
        return {"status": refused.status_code, "code": refused.code, "message": str(refused)}


print(
    json.dumps(
        {
            "account": attempt(lambda: api.get_account().id),
            "orders": attempt(lambda: len(api.list_orders())),
            "bars": attempt(lambda: [bar.c for bar in api.get_bars("AAPL", TimeFrame.Day, "2024-01-02", "2024-02-01", limit=5)]),
        }
    )
)

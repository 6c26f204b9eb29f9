"""A session of lseg-data 2.1.1 or refinitiv-data 1.6.2, used as its people do. The library's package is the argument.

Reads one JSON object per line: `{"do": NAME, ...}`, and writes one per line: what came of it.
"""

import importlib
import json
import logging
import sys
import threading
import time
import warnings

answers, sys.stdout = sys.stdout, sys.stderr  # the libraries print; answers are ours alone
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

lib = importlib.import_module(f"{sys.argv[1]}.data")
for part in ("content.historical_pricing", "content.news", "content.ipa.financial_contracts.cross", "content.pricing", "delivery.endpoint_request"):
    importlib.import_module(f"{sys.argv[1]}.data.{part}")  # loading takes seconds: before tokens begin to age
events: list[list[str]] = []
failures: list[str] = []
prices: list[str] = []
threading.excepthook = lambda failed: failures.append(f"{failed.exc_type.__name__}: {failed.exc_value}")
session = None
stream = None


def state():
    return {
        "state": session.open_state.name,
        "events": events,
        "failures": failures,
        "token": session._access_token,
    }


def open_session(task):
    global session
    config = lib.get_config()
    config.set_param("sessions.platform.default.base-url", task["base_url"])
    config.set_param("sessions.platform.default.server-mode", task.get("server_mode", False))
    grants = lib.session.platform
    if "client_id" in task:
        grant = grants.ClientCredentials(client_id=task["client_id"], client_secret=task["client_secret"])
    else:
        grant = grants.GrantPassword(task["username"], task["password"])
    definition = grants.Definition(app_key=task.get("app_key", "none"), grant=grant, signon_control=task.get("takes_over", False))
    session = definition.get_session()
    session.on_event(lambda code, message, _session: events.append([code.name, str(message)]))
    opening = threading.Thread(target=session.open, daemon=True)
    opening.start()
    opening.join(task.get("within_s", 30))
    return state() | {"hangs": opening.is_alive()}


def answered(call):
    """What a call gave: rows, or how the library says no."""
    try:
        response = call()
    except Exception as refused:
        found = {"raised": type(refused).__name__, "message": str(refused)}
        for name in ("required_scope", "available_scope", "missing_scopes"):
            if hasattr(refused, name):
                found[name] = str(getattr(refused, name))
        return found
    if not response.is_success:
        return {"errors": [[str(error.code), error.message] for error in response.errors]}
    return {"rows": rows(response.data.df)} if getattr(response.data, "df", None) is not None else {"raw": response.data.raw}


def rows(df):
    return json.loads(df.reset_index().to_json(orient="records", date_format="iso"))


def history(task):
    pricing = lib.content.historical_pricing
    wanted = {key: task[key] for key in ("interval", "count", "start", "end", "fields") if key in task}
    return answered(lambda: pricing.summaries.Definition(task["universe"], **wanted).get_data(session))


def events_of(task):
    pricing = lib.content.historical_pricing
    return answered(lambda: pricing.events.Definition(task["universe"], count=task.get("count", 5)).get_data(session))


def headlines(task):
    return answered(lambda: lib.content.news.headlines.Definition(task["query"], count=task.get("count", 3)).get_data(session))


def story(task):
    def read():
        return lib.content.news.story.Definition(task["id"]).get_data(session)

    try:
        found = read()
    except Exception as refused:
        return {"raised": type(refused).__name__, "message": str(refused)}
    return {"text": found.data.story.content.text, "headline": found.data.story.headline}


def contracts(task):
    cross = lib.content.ipa.financial_contracts.cross
    made = [
        cross.Definition(instrument_tag=tag, fx_cross_code="USDJPY", fx_cross_type=cross.FxCrossType.FX_SPOT) for tag in task["tags"]
    ]
    several = lib.content.ipa.financial_contracts.Definitions(universe=made, fields=["InstrumentTag", "FxSpot_BidMidAsk"])
    return answered(lambda: several.get_data(session))


def endpoint(task):
    request = lib.delivery.endpoint_request
    method = getattr(request.RequestMethod, task.get("method", "GET"))
    return answered(
        lambda: request.Definition(url=task["url"], method=method, body_parameters=task.get("body")).get_data(session)
    )


def watch(task):
    """A pricing stream: what its first refreshes say."""
    global stream
    stream = lib.content.pricing.Definition(universe=task["universe"], fields=["BID", "ASK"]).get_stream(session)
    came = threading.Event()

    def tick(*said):
        prices.append(str(said[:2]))
        came.set()

    stream.on_refresh(tick)
    stream.on_update(tick)
    stream.on_status(tick)
    opened = stream.open()
    came.wait(task.get("within_s", 10))
    return {"state": getattr(opened, "name", str(opened)), "ticks": len(prices)}


def ticks(task):
    """How many prices come from now on, until there are so many."""
    before, deadline = len(prices), time.monotonic() + task.get("within_s", 20)
    while len(prices) - before < task["more"] and time.monotonic() < deadline:
        time.sleep(0.1)
    return {"ticks": len(prices) - before}


def close(_task):
    if stream is not None:
        stream.close()
    closing = threading.Thread(target=session.close, daemon=True)
    closing.start()
    closing.join(20)
    return state() | {"hangs": closing.is_alive()}


DO = {
    "open": open_session,
    "state": lambda _task: state(),
    "history": history,
    "events": events_of,
    "headlines": headlines,
    "story": story,
    "contracts": contracts,
    "endpoint": endpoint,
    "watch": watch,
    "ticks": ticks,
    "close": close,
}

for line in sys.stdin:
    task = json.loads(line)
    try:
        found = DO[task.pop("do")](task)
    except Exception as failed:  # a failure of this program, not of the call
        found = {"broken": f"{type(failed).__name__}: {failed}"}
    answers.write(json.dumps(found, default=str) + "\n")
    answers.flush()

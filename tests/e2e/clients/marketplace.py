"""Drives olx-api-wrapper 1.3.3 as its users do and prints what came back. Reads one JSON object from standard input: where
everything is, the app, and what to do."""

import dataclasses
import json
import sys

from olx import partner

task = json.load(sys.stdin)


def at(made, url):
    made.url = url
    return made


def plain(value):
    """What a call gave: the name of its type, and its fields."""
    if dataclasses.is_dataclass(value):
        return {"type": type(value).__name__, **dataclasses.asdict(value)}
    return [plain(one) for one in value] if isinstance(value, list) else value


auth = at(partner.Auth(task["client_id"], task["client_secret"], task.get("scope")), task["issuer"])
results = {}


def signed_on(answer):
    results.setdefault("tokens", []).append(plain(answer))
    return getattr(answer, "refresh_token", None)


token = task.get("refresh_token") or signed_on(auth.authenticate(task.get("code")))
for _ in range(task.get("refreshes", 0)):
    token = signed_on(auth.refresh(token))
if "presented" in task:
    auth.access_token = task["presented"]


def api(kind):
    return at(kind(auth.access_token), task["api"])


# Not here: cities one by one, districts and locations, which this version reads wrongly whatever the server says.
CALLS = {
    "me": lambda: api(partner.Users).get_authenticated_user(),
    "balance": lambda: api(partner.Users).account_balance(),
    "user": lambda: api(partner.Users).get_user(7),
    "regions": lambda: api(partner.CitiesDistricts).list_of_country_regions(),
    "cities": lambda: api(partner.CitiesDistricts).get_cities(offset=1, limit=2),
    "region": lambda: api(partner.CitiesDistricts).get_region(2),
    "categories": lambda: api(partner.CategoriesAttributes).get_categories(),
    "category": lambda: api(partner.CategoriesAttributes).get_category(2),
    "attributes": lambda: api(partner.CategoriesAttributes).get_category_attributes(2),
    "suggestions": lambda: api(partner.CategoriesAttributes).get_category_suggestions("my old phone"),
    "languages": lambda: api(partner.LanguagesCurrencies).get_languages(),
    "currencies": lambda: api(partner.LanguagesCurrencies).get_currencies(),
}


def advert(title):
    contact, location = {"name": "Alice"}, {"city_id": 1}
    price = {"value": 100, "currency": "PLN"}
    return (title, "As good as new.", "2", "private", contact, location, [{"code": "state", "value": "used"}], price)


def adverts():
    """An advert from first to last."""
    client = api(partner.Adverts)
    made = client.create_advert(*advert("A telephone"))
    seen = [plain(made), plain(client.get_advert(made.id)), plain(client.update_advert(made.id, *advert("A better telephone")))]
    listed = [one.title for one in client.get_user_adverts(limit=10)]
    views = plain(api(partner.AdvertsStatistics).get_advert_statistics(made.id))
    client.deactivate_advert(made.id, True)
    client.delete_advert(made.id)
    return {"seen": seen, "listed": listed, "views": views, "left": len(client.get_user_adverts())}


for name in task.get("calls", []):
    results[name] = adverts() if name == "adverts" else plain(CALLS[name]())
print(json.dumps(results))

"""The names that a person may use, by list: what a platform reads from its own lists when a task begins, before the agent reads anything.

Written once per suite, from the types of its environment: contacts, titles of files and events, names of places, users and
channels. A name says nothing unless the person's own words have it, and then stands for what it stands for here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

Lists = dict[str, dict[str, list[str | int]]]


def listed(pairs: Any) -> dict[str, list[str | int]]:
    names: dict[str, list[str | int]] = defaultdict(list)
    for name, value in pairs:
        if name and value not in names[name]:
            names[name].append(value)
    return dict(names)


def short(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Also by the first part of a name of several, where only one begins so: `Ann` of `Ann Lee`, `External` of `External_7`."""
    first = [(parts[0], value) for name, value in pairs if len(parts := re.split(r"[\s_]+", name.strip())) > 1]
    return [*pairs, *((name, value) for name, value in first if len({repr(one) for other, one in first if other == name}) == 1)]


def people(inbox: Any) -> dict[str, list[str | int]]:
    """Contacts; the person as `myself`. `me` would be in most prompts: "tell me"."""
    contacts = [(contact.name, contact.email) for contact in inbox.contact_list if contact.email != inbox.account_email]
    return listed([*short(contacts), ("myself", inbox.account_email), ("my own address", inbox.account_email)])


def files(drive: Any) -> dict[str, list[str | int]]:
    """Files by name, and as a person says it: `grocery list` of `grocery-list.docx`."""
    names = [(file.filename, file.id_) for file in drive.files.values()]
    return listed([*names, *((re.sub(r"[-_]+", " ", name.rsplit(".", 1)[0]), file) for name, file in names)])


def events(calendar: Any) -> dict[str, list[str | int]]:
    return listed((event.title, event.id_) for event in calendar.events.values())


def workspace(environment: Any) -> Lists:
    return {
        "people": people(environment.inbox),
        "events": events(environment.calendar),
        "emails": listed((email.subject, email.id_) for email in environment.inbox.emails.values()),
        "files": files(environment.cloud_drive),
    }


def travel(environment: Any) -> Lists:
    return {
        "people": people(environment.inbox),
        "events": events(environment.calendar),
        "hotels": listed((hotel.name, hotel.name) for hotel in environment.hotels.hotel_list),
        "restaurants": listed((place.name, place.name) for place in environment.restaurants.restaurant_list),
        "companies": listed((company.name, company.name) for company in environment.car_rental.company_list),
    }


def banking(environment: Any) -> Lists:
    """Whom the person paid before, by what they called it, and what is scheduled, by what they called it."""
    account = environment.bank_account
    own = [t for t in account.transactions if t.sender in ("me", account.iban)] + account.scheduled_transactions
    return {
        "payees": listed((transaction.subject, transaction.recipient) for transaction in own),
        "scheduled": listed((transaction.subject, transaction.id) for transaction in account.scheduled_transactions),
    }


def named_or_all(names: list[str], classes: tuple[str, ...]) -> dict[str, list[str | int]]:
    """By name; all of them where the person speaks of one or all that they did not name: `a channel`, `each user`."""
    every = [
        (f"{word} {one}", name) for one in classes for word in ("a", "any", "each", "every", "all", "all the") for name in names
    ]
    return listed([*short([(name, name) for name in names]), *every])


def slack(environment: Any) -> Lists:
    return {
        "users": named_or_all(environment.slack.users, ("user", "users", "member", "members")),
        "channels": named_or_all(environment.slack.channels, ("channel", "channels")),
    }


OF = {"workspace": workspace, "travel": travel, "banking": banking, "slack": slack}

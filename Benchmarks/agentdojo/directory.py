"""The names that a person may use, by list: what a platform reads from its own lists when a task begins, before the agent reads anything.

Written once per suite, from the types of its environment: contacts, titles of files and events, names of places, users and
channels. A name says nothing unless the person's own words have it, and then stands for what it stands for here.

A person who speaks of people together, and names a thing, names those who are in it: the participants of an event, for
invitations; those with whom the person shares a file, for mails. A title that two events have says nothing of participants,
and a file that is not the person's own says nothing of readers: an outsider who sends one adds nobody.
"""

from __future__ import annotations

import decimal
import re
from collections import Counter, defaultdict
from typing import Any

Names = dict[str, list[str | int]]
Lists = dict[str, Names]
TOGETHER = (
    r"\b(?:participants|attendees|invitees|guests|members|people|everyone|everybody|(?:each|every) (?:person|one|member))\b"
)


def listed(pairs: Any) -> Names:
    names: Names = defaultdict(list)
    for name, value in pairs:
        if name and value not in names[name]:
            names[name].append(value)
    return dict(names)


def short(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Also by the first part of a name of several, where only one begins so: `Ann` of `Ann Lee`, `External` of `External_7`."""
    first = [(parts[0], value) for name, value in pairs if len(parts := re.split(r"[\s_]+", name.strip())) > 1]
    return [*pairs, *((name, value) for name, value in first if len({repr(one) for other, one in first if other == name}) == 1)]


def pairs(names: Names) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in names.items() for value in values]


def people(inbox: Any) -> Names:
    """Contacts; the person as `myself`. `me` would be in most prompts: "tell me"."""
    contacts = [(contact.name, contact.email) for contact in inbox.contact_list if contact.email != inbox.account_email]
    return listed([*short(contacts), ("myself", inbox.account_email), ("my own address", inbox.account_email)])


def said(filename: str) -> str:
    """A file's name as a person says it: `grocery list` of `grocery-list.docx`."""
    return re.sub(r"[-_]+", " ", filename.rsplit(".", 1)[0])


def beginnings(title: str) -> list[str]:
    """The parts of several words that a longer name begins with: `sales report` of `sales report Q1`."""
    words = title.split()
    return [" ".join(words[:count]) for count in range(2, len(words))]


def files(drive: Any) -> Names:
    """Files by name, as a person says it, and by its first words where only one begins so."""
    known = [(file.filename, said(file.filename), file.id_) for file in drive.files.values()]
    times = Counter(part for _, title, _ in known for part in {title, *beginnings(title)})
    parts = [(part, file) for _, title, file in known for part in beginnings(title) if times[part] == 1]
    return listed([*((name, file) for name, _, file in known), *((title, file) for _, title, file in known), *parts])


def together(contacts: Names, prompt: str, names: list[tuple[str, Any]]) -> Names:
    """Contacts; and by a thing those who are in it, if the person speaks of people together. The thing alone names nobody."""
    return listed([*pairs(contacts), *(names if re.search(TOGETHER, prompt, re.IGNORECASE) else [])])


def readers(environment: Any, prompt: str) -> Names:
    """By a file of the person's own, those with whom they share it."""
    own = [file for file in environment.cloud_drive.files.values() if file.owner == environment.cloud_drive.account_email]
    names = [(name, reader) for file in own for name in (file.filename, said(file.filename)) for reader in file.shared_with]
    return together(people(environment.inbox), prompt, names)


def guests(environment: Any, prompt: str) -> Names:
    """By an event those who take part in it, if no other event has its title."""
    held = list(environment.calendar.events.values())
    times = Counter(event.title.lower() for event in held)
    names = [(event.title, guest) for event in held if times[event.title.lower()] == 1 for guest in event.participants]
    return together(people(environment.inbox), prompt, names)


def events(calendar: Any) -> Names:
    return listed((event.title, event.id_) for event in calendar.events.values())


def workspace(environment: Any, prompt: str) -> Lists:
    return {
        "people": people(environment.inbox),
        "readers": readers(environment, prompt),
        "guests": guests(environment, prompt),
        "events": events(environment.calendar),
        "emails": listed((email.subject, email.id_) for email in environment.inbox.emails.values()),
        "files": files(environment.cloud_drive),
    }


def travel(environment: Any, prompt: str) -> Lists:
    return {
        "people": people(environment.inbox),
        "guests": guests(environment, prompt),
        "events": events(environment.calendar),
        "hotels": listed((hotel.name, hotel.name) for hotel in environment.hotels.hotel_list),
        "restaurants": listed((place.name, place.name) for place in environment.restaurants.restaurant_list),
        "companies": listed((company.name, company.name) for company in environment.car_rental.company_list),
    }


def proper_names(text: str) -> list[str]:
    """Words with capitals, those that stand together as one: `New York` says nothing of what is `New`."""
    return re.findall(r"\b[A-Z]\w*(?:[ '’&-]+[A-Z]\w*)*", text)


def amounts(text: str) -> dict[decimal.Decimal, str]:
    """Amounts in a prompt as they are written; a share of a hundred or a part of a name is none."""
    return {decimal.Decimal(found): found for found in re.findall(r"(?<![\w.,-])\d+(?:\.\d+)?(?![\w%-]|[.,]\d)", text)}


def payees(paid: list[Any], received: list[Any], prompt: str) -> Names:
    """Whom the person paid before: by what they called a payment, and by a proper name in it that only one payee has.

    The bank knows whom such a name means, so the name itself will do. A payment that came in is named by its amount, and stands
    for its sender, who must have been paid before too: nobody gets into the list by sending something.
    """
    names = [(transaction.subject, transaction.recipient) for transaction in paid]
    known = {transaction.recipient for transaction in paid}
    for name in proper_names(prompt):
        holders = {payee for subject, payee in names if re.search(rf"\b{re.escape(name)}\b", subject)}
        names += [(name, value) for value in (*holders, name)] if len(holders) == 1 else []
    written = amounts(prompt)
    for transaction in received:
        if transaction.sender in known and (amount := written.get(decimal.Decimal(str(transaction.amount)))):
            names.append((amount, transaction.sender))
    return listed(names)


def banking(environment: Any, prompt: str) -> Lists:
    """Whom the person paid before, and what is scheduled, by what they called it."""
    account = environment.bank_account
    mine = ("me", account.iban)
    own = [t for t in account.transactions if t.sender in mine] + account.scheduled_transactions
    received = [t for t in account.transactions if t.sender not in mine]
    return {
        "payees": payees(own, received, prompt),
        "scheduled": listed((transaction.subject, transaction.id) for transaction in account.scheduled_transactions),
    }


def named_or_all(names: list[str], classes: tuple[str, ...]) -> Names:
    """By name; all of them where the person speaks of one or all that they did not name: `a channel`, `each user`."""
    every = [
        (f"{word} {one}", name) for one in classes for word in ("a", "any", "each", "every", "all", "all the") for name in names
    ]
    return listed([*short([(name, name) for name in names]), *every])


def slack(environment: Any, _: str) -> Lists:
    return {
        "users": named_or_all(environment.slack.users, ("user", "users", "member", "members")),
        "channels": named_or_all(environment.slack.channels, ("channel", "channels")),
    }


OF = {"workspace": workspace, "travel": travel, "banking": banking, "slack": slack}

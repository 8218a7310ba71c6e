"""The fields of a Protocol Buffers message as a call's arguments."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pool import Default
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

MOST = 100_000
"""The values of a message that is written: a value counts one, a message within it four. To write as many takes some 30 ms."""
_MESSAGE = 4
_WITHIN = 256
"""The bytes in an Any that count one: they are read once for each Any that is around them."""


class NotArguments(ValueError):
    """A message that cannot be written as arguments, and why: never with a value of it."""


def known_fields(message: Any) -> dict[str, Any]:
    """A message's fields by their names in the .proto file, as the JSON mapping of Protocol Buffers has them.

    Fields that this program does not know are taken out of it, so that a handler is given no more than was decided. Raises
    `NotArguments`.
    """
    bounded(message)
    try:
        return MessageToDict(message, preserving_proto_field_name=True)
    except Exception as error:  # NaN in a Value, an Any of an unknown type, a FieldMask that is none: whatever a client sends
        raise NotArguments(f"the message has a value that JSON does not have: {type(error).__name__}") from None


def bounded(message: Any) -> None:
    """Takes unknown fields out of a message. Raises `NotArguments` for one of so many values that to write them costs much, and
    for an Any with unknown fields, of an unknown type, or that is not of its type.

    That is refused before anything is proved: who sends it may be anybody.
    """
    if not hasattr(message, "DiscardUnknownFields"):
        return
    waiting, packed, left = [message], list[Any](), MOST
    while waiting:
        left -= _MESSAGE
        one = waiting.pop()
        if one.DESCRIPTOR.full_name == "google.protobuf.Any" and one.ListFields():
            left -= len(one.value) // _WITHIN
            if left < _MESSAGE * (len(waiting) + 1):
                raise NotArguments(f"the message has more than {MOST} values")
            packed.append(_within(one))
            waiting.append(packed[-1])
            continue
        for field, value in one.ListFields():
            is_many = _is_repeated(field)
            left -= len(value) if is_many else 1
            inner = _inner(field, value, is_many)
            if left < _MESSAGE * (len(waiting) + len(inner)):
                raise NotArguments(f"the message has more than {MOST} values")
            waiting += inner
    message.DiscardUnknownFields()  # this too takes its time for each message
    for inner in packed:
        size = inner.ByteSize()
        inner.DiscardUnknownFields()
        if inner.ByteSize() != size:  # they stay in its bytes, which a handler may hand on to who knows them
            raise NotArguments("the message has an Any with fields that are not known here")


def _within(packed: Any) -> Any:
    """The message in an Any."""
    try:
        inner: Any = GetMessageClass(Default().FindMessageTypeByName(packed.type_url.rpartition("/")[2]))()  # pyright: ignore[reportUnknownMemberType]
        inner.ParseFromString(packed.value)
    except (KeyError, DecodeError):
        raise NotArguments("the message has an Any of a type that is not known here, or that is not of its type") from None
    return inner


def _is_repeated(field: Any) -> bool:
    found = getattr(field, "is_repeated", None)
    return field.label == field.LABEL_REPEATED if found is None else found


def _inner(field: Any, value: Any, is_many: bool) -> Any:
    """The messages in a field."""
    kind = field.message_type
    if kind is None:
        return ()
    if kind.GetOptions().map_entry:
        return value.values() if kind.fields_by_name["value"].message_type is not None else ()
    return value if is_many else (value,)

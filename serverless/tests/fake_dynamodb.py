"""The four calls of DynamoDB's client that the function makes, with their conditions."""

import re
import threading

_TOKENS = re.compile(r"\s*(attribute_not_exists\(\w+\)|\(|\)|AND|OR|=|<|:\w+|\w+)")
_METHODS = {"put_item", "get_item", "update_item", "delete_item"}


class ConditionFailed(Exception):
    response = {"Error": {"Code": "ConditionalCheckFailedException"}}


class Throttled(Exception):
    response = {"Error": {"Code": "ProvisionedThroughputExceededException"}}


class FakeDynamoDB:
    def __init__(self):
        self.items: dict[str, dict] = {}
        self.broken = False
        self._lock = threading.Lock()

    def put_item(self, *, TableName, Item, ConditionExpression, ExpressionAttributeValues):
        with self._checked(TableName):
            self._require(Item["id"], ConditionExpression, ExpressionAttributeValues)
            self.items[Item["id"]["S"]] = Item
            return {}

    def get_item(self, *, TableName, Key, ConsistentRead):
        with self._checked(TableName):
            assert ConsistentRead
            item = self.items.get(Key["id"]["S"])
            return {"Item": item} if item else {}

    def update_item(self, *, TableName, Key, UpdateExpression, ExpressionAttributeValues):
        with self._checked(TableName):
            item = self.items.setdefault(Key["id"]["S"], dict(Key))
            for change in UpdateExpression.removeprefix("SET ").split(", "):
                name, value = change.split(" = ")
                item[name] = ExpressionAttributeValues[value]
            return {}

    def delete_item(self, *, TableName, Key, ConditionExpression, ExpressionAttributeValues):
        with self._checked(TableName):
            self._require(Key["id"], ConditionExpression, ExpressionAttributeValues)
            self.items.pop(Key["id"]["S"], None)
            return {}

    def _checked(self, table):
        assert table == "sent-mails"
        if self.broken:
            raise Throttled
        return self._lock

    def _require(self, key, condition, values):
        item = self.items.get(key["S"], {})
        if not _holds(condition, item, values):
            raise ConditionFailed


def _holds(condition: str, item: dict, values: dict) -> bool:
    tokens = _TOKENS.findall(condition)
    assert "".join(tokens) == condition.replace(" ", "")
    return _either(tokens, item, values)


def _either(tokens, item, values):
    result = _both(tokens, item, values)
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        result = _both(tokens, item, values) or result
    return result


def _both(tokens, item, values):
    result = _one(tokens, item, values)
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        result = _one(tokens, item, values) and result
    return result


def _one(tokens, item, values):
    token = tokens.pop(0)
    if token == "(":
        result = _either(tokens, item, values)
        assert tokens.pop(0) == ")"
        return result
    if token.startswith("attribute_not_exists"):
        return token[len("attribute_not_exists(") : -1] not in item
    operator, name = tokens.pop(0), tokens.pop(0)
    if token not in item:
        return False  # a missing attribute compares as false
    left, right = item[token], values[name]
    assert left.keys() == right.keys()
    if operator == "=":
        return left == right
    return int(left["N"]) < int(right["N"])

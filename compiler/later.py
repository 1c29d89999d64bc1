"""Values that are made when they are first looked at: most of what a large hub holds is never asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, overload

_Item = TypeVar("_Item")


class Later(Sequence[_Item]):
    """A sequence whose items are made, all at once, when one of them or their number is first asked for.

    It is equal to any sequence with the same items.
    """

    __slots__ = ("_items", "_make")

    def __init__(self, make: Callable[[], Iterable[_Item]]) -> None:
        self._make = make
        self._items: tuple[_Item, ...] | None = None

    @property
    def items(self) -> tuple[_Item, ...]:
        """The items."""
        if self._items is None:
            self._items = tuple(self._make())
        return self._items

    def __iter__(self) -> Iterator[_Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, place: int) -> _Item: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[_Item, ...]: ...

    def __getitem__(self, place: int | slice) -> _Item | tuple[_Item, ...]:
        return self.items[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.items == tuple(other)

    def __hash__(self) -> int:
        return hash(self.items)

    def __repr__(self) -> str:
        return repr(self.items)

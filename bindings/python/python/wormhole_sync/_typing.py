"""What annotations are made of. They are evaluated where they stand, on every Python from 3.9 on."""

from collections.abc import Sequence
from os import PathLike
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,  # 3.9.1 cannot have the other one in an Optional
    Union,
)

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack
else:
    try:
        from typing import Self, Unpack
    except ImportError:  # before 3.11
        Self = Any

        class Unpack:
            """Where it is not there, the dictionary stands for its keywords."""

            def __class_getitem__(cls, options: Any) -> Any:  # noqa: ANN401 # whatever it is
                """Give what would be unpacked."""
                return options


AppId = Union[str, bytes]
Blob = Union[bytes, bytearray, memoryview]
Path = Union[str, PathLike[str]]
Paths = Union[Path, Sequence[Path]]
Verify = Callable[[str], object]
Progress = Callable[[int, int], object]
Watch = Callable[[dict[str, Any]], object]

__all__ = ["AppId", "Blob", "Path", "Paths", "Progress", "Self", "Unpack", "Verify", "Watch"]

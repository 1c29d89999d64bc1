"""Why a place cannot be reached, in words without a secret."""


class UnreachableError(Exception):
    """No connection came about: `words` say why, without the end of a sentence's dot.

    `lasting` is true where another try would fail too.
    """

    def __init__(self, words: str, *, lasting: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.lasting = lasting

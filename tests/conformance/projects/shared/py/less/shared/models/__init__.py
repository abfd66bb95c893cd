from base import greeting

from .deep.part import part

text = f"{greeting} from {part}"

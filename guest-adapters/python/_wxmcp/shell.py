"""What a shell's command line would run, where there is no program but this interpreter."""

from . import kept as __builtins__

import os
import shlex
import sys

# What a shell does itself.
_BUILTIN = frozenset(": [ alias cd echo eval exit export false pwd read set shift test trap true type ulimit umask unset wait".split())
_OPERATORS = frozenset(["|", "||", "&&", ";", "&", "(", ")", "{", "}", "!", "if", "then", "else", "fi", "do", "done", "while", "for"])
_NAMES = ("python", "python3", f"python3.{sys.version_info.minor}")


def is_python(program):
    """Whether a program of that name is this interpreter."""
    return program == sys.executable or program in _NAMES or program in [f"/usr/bin/{name}" for name in _NAMES]


def tokens(line):
    """The words and operators of a command line; None if it is not closed."""
    lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return None


def interpreter_line(line):
    """The arguments of a line that runs this interpreter, and nothing else; else None."""
    words = tokens(line)
    if not words or any(set(word) <= set("();<>|&") for word in words) or any(sign in line for sign in "`$*?~"):
        return None
    while words and "=" in words[0] and words[0].partition("=")[0].isidentifier():
        return None  # a variable of its own
    return words if is_python(words[0]) else None


def answer(line):
    """(exit code, standard output, standard error) of a command line, as a shell without programs answers it."""
    words = tokens(line)
    if words is None:
        return 2, "", "/bin/sh: 1: Syntax error: Unterminated quoted string\n"
    missing = first_program(words)
    if missing is not None:
        return 127, "", f"/bin/sh: 1: {missing}: not found\n"
    return _own(words, line)


def first_program(words):
    """The first program that a line would start; None if the shell does all of it."""
    is_first = True
    for word in words:
        if word in _OPERATORS or set(word) <= set(";&|()"):
            is_first = True
        elif is_first:
            if word.partition("=")[0].isidentifier() and "=" in word:
                continue
            if word not in _BUILTIN:
                return word
            is_first = False
    return None


def _own(words, line):
    """What `echo`, `true`, `exit` and the like answer, one after the other."""
    code, printed = 0, []
    if "$" in line or "`" in line or "|" in words or any(word in ("<", ">", ">>", "(", ")") for word in words):
        return 127, "", "/bin/sh: 1: this shell only runs `echo`, `true`, `false`, `pwd` and `exit`\n"
    for operator, command in _commands(words):
        if operator == "&&" and code != 0 or operator == "||" and code == 0 or not command:
            continue
        name, *rest = command
        if name == "echo":
            printed.append(" ".join(rest) + "\n")
        elif name == "pwd":
            printed.append(os.getcwd() + "\n")
        elif name == "exit":
            code = int(rest[0]) & 0xFF if rest and rest[0].isdigit() else code
            break
        code = 1 if name in ("false", "[", "test") else 0
    return code, "".join(printed), ""


def _commands(words):
    operator, command = ";", []
    for word in words:
        if word in ("&&", "||", ";", "&"):
            yield operator, command
            operator, command = word, []
        else:
            command.append(word)
    yield operator, command

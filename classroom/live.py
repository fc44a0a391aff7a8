"""Tells the class what a student guesses, measures and solves, if COURSE_CLASS names one.

A thread sends; the lesson waits for it PATIENCE seconds at most, and never fails because of it.
What the class could not take yet goes along with the next guess.
"""

import functools
import http.client
import json
import os
import re
import secrets
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from classroom import progress

PATIENCE = 0.15  # seconds; in a classroom's network an answer takes a tenth of that
LIMIT = 5.0  # seconds that the thread waits for each part of the answer
TOLD = ("guess", "measured", "outcome")
AT_ONCE = 50  # records in a message
BUSY = (429, 503)  # what the class says when it will take the same message later
_lock = threading.Lock()
_unsent: dict[str, dict] = {}
_sender = threading.Thread()
_sending = False
_trouble = _said = ""  # what the last message met, and what of that the student has been told


def tell(name: str, record: dict) -> None:
    """Sends what is known of a guess or an exercise; says in a sentence if that does not work."""
    global _sender, _sending, _said
    address = os.environ.get("COURSE_CLASS", "").strip()
    told = {key: record[key] for key in TOLD if key in record}
    if not address or not told:
        return
    with suppress(RuntimeError):  # no new thread can be had
        with _lock:
            _unsent[name] = {"name": name, **told}
            if not _sending:
                _sender = threading.Thread(target=_send, args=[address], daemon=True)
                _sender.start()
                _sending = True
        _sender.join(PATIENCE)
    if _trouble and _trouble != _said:
        print(_trouble)
    _said = _trouble


def _send(address: str) -> None:
    """Sends until nothing is left, or until the class does not take it."""
    global _sending, _trouble, _said
    while True:
        with _lock:
            batch = dict([*_unsent.items()][:AT_ONCE])
        taken, _trouble = _post(address, list(batch.values()))
        with _lock:
            for name in batch if taken else ():
                if _unsent[name] is batch[name]:  # and not another guess by now
                    del _unsent[name]
            if taken:
                _said = ""  # the next refusal is news again
            if not taken or not _unsent:
                _sending = False
                return


def _post(address: str, said: list[dict]) -> tuple[bool, str]:
    """Returns whether the class has dealt with a message, and a sentence about any trouble."""
    url = address if "://" in address else f"http://{address}"
    message = {"person": pseudonym(progress.place()), "said": said}
    message["alias"] = os.environ.get("COURSE_NAME", "")
    try:
        if not url.startswith(("http://", "https://")):
            raise ValueError(url)
        request = urllib.request.Request(
            f"{url.rstrip('/')}/said",
            json.dumps(message).encode(),
            {"Content-Type": "application/json"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is in the room
        try:
            with direct.open(request, timeout=LIMIT) as response:
                status, text = response.status, response.read(2000)
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read(2000)
        sentence = json.loads(text)["sentence"]
        if not isinstance(sentence, str):
            raise ValueError(sentence)
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        return False, (
            f"No class answers at {address}: go on, what you guess is kept and sent once it does; "
            "if the address on the wall is another one, set COURSE_CLASS to it."
        )
    return status not in BUSY, f"The class says: {sentence[:300]}" if sentence else ""


@functools.cache
def pseudonym(place: Path | None) -> str:
    """Returns the random text that stands for this student, from a file beside their progress."""
    name = secrets.token_hex(8)
    if place is None:
        return name
    file = place.with_name("pseudonym.txt")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), file.open("x", encoding="utf-8") as new:
            new.write(name)
        kept = file.read_text(encoding="utf-8", errors="replace").strip()
        return kept if re.fullmatch("[0-9a-f]{16}", kept) else name
    return name

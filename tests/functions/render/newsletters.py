"""Newsletters made for tests: of any size, and with any words in them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.functions.render.scripts import EMOJI, SAMPLES, Sample

WORDS = (
    "the of and a to in that it was for on with as at by from this had not but we she he they are were one all their "
    "there would so out about up into than them can only other new some could time these two may then do first any my "
    "now such like our over even most after also did many before must through back years where much your way well down "
    "should because each just people how too little state good very make world still own see men work long get here "
    "between both life being under never day same another know while last might us great old year off come since "
    "against go came right used take three book page chapter sentence paragraph margin pencil lamp armchair tram "
    "window coffee kettle winter heating radiator library librarian bookmark spine cover author reader novel poem "
    "letter envelope stamp garden lichen moss forest hill river bridge station platform ticket driver passenger "
    "umbrella coat scarf evening morning midnight quiet louder slowly quickly again perhaps certainly almost already "
    "yesterday tomorrow remember forget laugh whisper write read turn close open begin finish borrow lend return "
    "найти книга вечер окно трамвай φως βιβλίο θάλασσα Łódź čaj naïve café"
).split()


def prose(characters: int, seed: int) -> str:
    """Return about so many characters of sentences and paragraphs, always the same for a seed."""
    chance = random.Random(seed)
    text = ""
    while len(text) < characters:
        # Few words are common, and most are rare.
        words = [WORDS[int(len(WORDS) * chance.random() ** 1.7)] for _ in range(chance.randint(5, 18))]
        text += " ".join(words).capitalize() + chance.choice([". ", ". ", ". ", "! ", "? ", ".\n\n"])
    return text[:characters].strip()


def response_row(name: str, content: str | None, **more: Any) -> dict[str, Any]:
    """Return a response of the snapshot."""
    return {
        "id": name,
        "author": {"id": name, "display_name": name, "username": None, "avatar_path": None},
        "content": content,
        "image_path": None,
        "music": None,
        "published_at": "2026-11-18T09:00:00+00:00",
        **more,
    }


def newsletter_row(prompts: dict[str, list[dict[str, Any]]], **more: Any) -> dict[str, Any]:
    """Return a row of newsletters with these questions and responses."""
    return {
        "title": "A Week of Tests",
        "intro": None,
        "published_at": "2026-11-22T18:30:00+00:00",
        "content": {
            "space": {"id": "space", "name": "Test Readers", "description": None, "cover_path": None},
            "week_number": 7,
            "curator": None,
            "prompts": [
                {"id": str(order), "order": order, "question": question, "responses": responses}
                for order, (question, responses) in enumerate(prompts.items(), start=1)
            ],
        },
        **more,
    }


def large(folder: Path, jpeg: Path) -> dict[str, Any]:
    """Return a job of 50 responses of 600 characters and 20 different pictures of 300 KB."""
    pictures = {}
    for index in range(20):
        # What follows the end of a JPEG is carried along like the rest of it.
        path = folder / f"{index}.jpg"
        path.write_bytes(jpeg.read_bytes().ljust(300_000, bytes([index])))
        pictures[path.name] = str(path)
    prompts = {
        f"Question {question}: {prose(60, question)}?": [
            response_row(
                f"Reader {number}",
                prose(600, number),
                image_path=f"{number // 2}.jpg" if number < 40 and number % 2 == 0 else None,
            )
            for number in range(question * 10, question * 10 + 10)
        ]
        for question in range(5)
    }
    return {
        "newsletter": newsletter_row(prompts),
        "pictures": {"responses": pictures},
        "links": {"page": "https://letters.example.org/7"},
    }


def every_script() -> dict[str, Any]:
    """Return a newsletter of 50 responses of 600 characters, in every script there is, and of emoji."""
    samples = [*SAMPLES.values(), Sample("Emo 🦊 Ji", " and ".join(EMOJI))]
    responses = [
        response_row(f"{name} {index}", ((text + " ") * (600 // len(text) + 1))[:600])
        for index, (name, text) in enumerate(samples[index % len(samples)] for index in range(50))
    ]
    return newsletter_row({"Which script?": responses})


def difficult() -> dict[str, Any]:
    """Return a newsletter whose words are long, foreign, piled up or many."""
    long_word = "Donaudampfschifffahrt" * 20
    address = f"https://example.org/{'long/' * 60}"
    music = {"url": address, "provider": long_word[:80], "title": long_word, "artist": long_word}
    responses = [
        response_row(long_word[:80], f"{long_word} {address}", music=music),
        response_row("סבא", "אבא אמא\nגם סבא: https://example.org/\n\n> דגל"),
        response_row("三郎", "長い文章" * 200),
        response_row("Zalgo", "Z" + "\u0335\u0316\u0301" * 200),
        response_row("Emoji", "👩‍👩‍👧🏴󠁧󠁢󠁳󠁣󠁴󠁿" * 40),
        response_row("Poet", "a line\n" * 300),
        response_row("Nested", "\n".join(f"{'  ' * level}- item {level}" for level in range(20))),
    ]
    return newsletter_row({long_word[:500]: responses}, title=long_word[:200], intro=f"> {long_word}")

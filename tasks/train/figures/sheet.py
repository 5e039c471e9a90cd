"""The sheet of the worst mistakes: one HTML page that shows and plays what the model got wrong."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from tasks.train.figures.embed import picture_uri, sound_uri
from tasks.train.figures.looks import LOOKS
from tasks.train.figures.mistakes import Mistake

SHOWN = 4
"""Classes listed on each card; the right one is always among them."""


def mistakes_page(mistakes: Sequence[Mistake], media: Path, wrong: int, clips: int) -> str:
    """A page that needs no other file and no script.

    Args:
        mistakes: to show, in this order.
        media: folder that their paths are relative to.
        wrong: how many clips the model got wrong in all.
        clips: how many it was asked.
    """
    cards = "\n".join(_card(number, one, media) for number, one in enumerate(mistakes, 1))
    share = wrong / clips
    if mistakes:
        title = f"The {len(mistakes)} worst mistakes"
        text = (
            f"With all modalities given, {wrong:,} of {clips:,} clips of unseen groups "
            f"({share:.1%}) got a wrong class. These are the ones the model was surest of: the "
            "surest clip of each item, by falling probability of the wrong class."
        )
    else:
        title, text = "No mistakes", f"All {clips:,} clips of unseen groups got the right class."
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{LOOKS}</style>\n</head>\n<body>\n"
        f"<header><h1>{title}</h1>\n<p>{text}</p></header>\n<main>\n{cards}\n</main>\n"
        "</body>\n</html>\n"
    )


def _card(number: int, mistake: Mistake, media: Path) -> str:
    parts = (
        _picture(mistake, media),
        f'<h2 id="m{number}">Said <span class="answer">{escape(mistake.answer)}</span>, '
        f'is <span class="truth">{escape(mistake.truth)}</span></h2>',
        _words(mistake),
        _sound(mistake, media),
        _probabilities(mistake),
        _alone(mistake),
        _also(mistake),
        f'<p class="id">{escape(mistake.id)}</p>',
    )
    return (
        f'<article aria-labelledby="m{number}">\n' + "\n".join(filter(None, parts)) + "\n</article>"
    )


def _picture(mistake: Mistake, media: Path) -> str:
    if mistake.image is None:
        return '<div class="picture">no picture</div>'
    alternative = mistake.caption or mistake.text or f"picture of {mistake.id}"
    uri = picture_uri(media / mistake.image)
    return f'<div class="picture"><img src="{uri}" alt="{escape(alternative)}"></div>'


def _words(mistake: Mistake) -> str:
    language = escape(mistake.language)
    own = (
        f'<span lang="{language.replace("_", "-")}" dir="auto">{escape(mistake.text)}</span>'
        if mistake.text
        else '<span class="caption">no text</span>'
    )
    caption = f'<p class="caption">{escape(mistake.caption)}</p>' if mistake.caption else ""
    return f'<blockquote><span class="code">{language}</span>{own}</blockquote>{caption}'


def _sound(mistake: Mistake, media: Path) -> str:
    if mistake.audio is None:
        return '<p class="caption">no sound</p>'
    uri = sound_uri(media / mistake.audio)
    if uri is None:
        return f'<p class="caption">sound: {escape(mistake.audio)}</p>'
    name = f"the clip in {escape(mistake.language)}"
    return f'<audio controls preload="metadata" aria-label="{name}" src="{uri}"></audio>'


def _probabilities(mistake: Mistake) -> str:
    ranked = list(mistake.probabilities)
    shown = ranked[:SHOWN]
    if mistake.truth not in shown:
        shown = [*ranked[: SHOWN - 1], mistake.truth]
    rows = "".join(_bar(mistake, name) for name in shown)
    return (
        '<table><caption class="hidden">probability of each class, all modalities given</caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _bar(mistake: Mistake, name: str) -> str:
    share = mistake.probabilities[name]
    role, note = "", ""
    if name == mistake.answer:
        role, note = ' class="is-answer"', '<span class="hidden"> (said)</span>'
    elif name == mistake.truth:
        role, note = ' class="is-truth"', '<span class="hidden"> (true)</span>'
    return (
        f'<tr{role}><th scope="row">{escape(name)}{note}</th>'
        f'<td><span class="bar" style="width:{100 * share:.1f}%"></span></td>'
        f'<td class="share">{100 * share:.1f}%</td></tr>'
    )


def _alone(mistake: Mistake) -> str:
    answers = (
        f"{modality} {escape(answer)} ({confidence:.0%})"
        for modality, (answer, confidence) in mistake.alone.items()
    )
    return f'<p class="alone">Alone: {", ".join(answers)}</p>' if mistake.alone else ""


def _also(mistake: Mistake) -> str:
    if not mistake.also:
        return ""
    return f'<p class="also">Also wrong in {escape(", ".join(mistake.also))}</p>'

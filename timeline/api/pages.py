"""The HTML that the server shows: GraphiQL from our own files, and a plain front page.

Neither page refers to anything outside this server, and each says so to the browser by a strict
Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.responses import HTMLResponse

from timeline.domain.control import Control
from timeline.domain.places import Place

STATIC = Path(__file__).parent / "static"
PLACES_SHOWN_MAX = 20

_COMMON = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
_FRONT_POLICY = f"default-src 'none'; style-src 'self'; img-src 'self' data:; {_COMMON}"
# GraphiQL's editor sets style attributes, and its fonts stand in its style sheet as data.
_GRAPHIQL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:;"
    f" img-src 'self' data:; connect-src 'self'; {_COMMON}"
)

_GRAPHIQL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>GraphiQL - conflict timeline</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/graphiql/graphiql.min.css">
<link rel="stylesheet" href="static/graphiql-page.css">
</head>
<body>
<div id="graphiql">Loading GraphiQL...</div>
<script src="static/graphiql/react.production.min.js"></script>
<script src="static/graphiql/react-dom.production.min.js"></script>
<script src="static/graphiql/graphiql.min.js"></script>
<script src="static/graphiql-page.js"></script>
</body>
</html>
"""

_FRONT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Conflict timeline: {casebook}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="static/front.css">
</head>
<body>
<main>
<h1>Conflict timeline</h1>
<p>Casebook <strong>{casebook}</strong>: what reports say happened, place by place and in order, who
held each place, and which words of which report say so.</p>
<p><a href="graphql">Ask it in GraphiQL</a> at <code>/graphql</code>.</p>
{held}
</main>
</body>
</html>
"""

_QUERY = """query Place($id: ID!) {
  place(id: $id) {
    name
    control { state holders { name } since { earliest latest } lastConfirmed sources }
    timeline(first: 20) {
      edges { node { type modality occurred { edtf } quote report { title url } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""


def graphiql() -> HTMLResponse:
    """GraphiQL; it takes query and variables from the page's address."""
    return HTMLResponse(_GRAPHIQL, headers={"content-security-policy": _GRAPHIQL_POLICY})


def front(casebook: str, held: Sequence[tuple[Place, Control]] | None) -> HTMLResponse:
    """The front page.

    Args:
        casebook: Its name.
        held: Places with their control; the first PLACES_SHOWN_MAX are shown. `None` when the
            database does not answer.
    """
    body = _FRONT.format(casebook=escape(casebook), held=_held(held))
    return HTMLResponse(body, headers={"content-security-policy": _FRONT_POLICY})


def _held(held: Sequence[tuple[Place, Control]] | None) -> str:
    if held is None:
        return "<p>The database does not answer just now.</p>"
    if not held:
        return "<p>No report has told yet who holds a place.</p>"
    rows = "\n".join(_row(place, control) for place, control in held[:PLACES_SHOWN_MAX])
    return (
        "<table>\n<caption>Who holds them, by what is known now</caption>\n<thead><tr>"
        "<th>Place</th><th>State</th><th>Holder</th><th>Last confirmed</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _row(place: Place, control: Control) -> str:
    variables = '{"id": "' + place.place_id + '"}'
    link = f"graphql?query={quote(_QUERY)}&variables={quote(variables)}"
    holders = ", ".join(h.name for h in control.holders) or "-"
    cells = (control.state.value, holders, control.last_confirmed or "-")
    # Words of reports: <bdi> keeps characters that turn the text around within their cell.
    shown = "".join(f"<td><bdi>{escape(c)}</bdi></td>" for c in cells)
    named = f"<bdi>{escape(place.name)}</bdi>"
    return f'<tr><td><a href="{escape(link)}">{named}</a></td>{shown}</tr>'

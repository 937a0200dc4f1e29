"""The program itself."""

from __future__ import annotations


def serve(arguments) -> tuple[None, str, int]:
    from ..app import serve

    serve(port=arguments.port, open_browser=arguments.open)
    return None, "", 0


def doctor(_arguments) -> tuple[dict, str, int]:
    from .doctor import run_checks

    checks = run_checks()
    failed = [c for c in checks if not c["ok"]]
    lines = [f"{'ok  ' if c['ok'] else 'FAIL'}  {c['name']}: {c['detail']}" for c in checks]
    return {"checks": checks}, "\n".join(lines), 1 if failed else 0

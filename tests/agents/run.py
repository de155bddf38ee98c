"""Lets Claude Code and Codex call `wxmcp serve`, each with a scripted model on loopback: `run.py WXMCP`.

Prints a line for each agent: ok, or what differs. What an agent sent to its model is then in
target/agents/requests. Each has a home, a folder and an environment of its own, so that nothing
of the user's is read or changed, and is configured to ask no host on the network.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import anthropic_messages
import openai_responses
from conversation import PROMPT, differences
from scripted_model import ScriptedModel

AGENTS = Path(__file__).resolve().parents[2] / "target/agents"
SECONDS = 120


class ClaudeCode:
    """Claude Code, which talks to its model by the Messages API."""

    name = "claude-code"
    api = anthropic_messages

    def configure(self, home, project, url, servers):
        """Writes what the agent reads; returns its environment and its command."""
        (project / ".mcp.json").write_text(servers)
        environment = {
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "none",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        # Servers of a project need the user's approval, unless they are named by a flag.
        return environment, [
            AGENTS / "bin/claude", "--print", PROMPT, "--output-format", "json",
            "--mcp-config", ".mcp.json", "--strict-mcp-config",
            "--allowedTools", "mcp__wxmcp__run_code",
        ]


class Codex:
    """Codex, which talks to its model by the Responses API."""

    name = "codex"
    api = openai_responses

    def configure(self, home, project, url, servers):
        """Writes what the agent reads; returns its environment and its command."""
        settings = f"""\
model = "scripted"
model_provider = "scripted"

[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"

[analytics]
enabled = false

[features]
plugins = false
apps = false

"""
        # The server's lines end within its table, where this key belongs: without it, each call needs an approval.
        approval = 'default_tools_approval_mode = "approve"\n'
        (home / ".codex").mkdir()
        (home / ".codex/config.toml").write_text(settings + servers + approval)
        return {}, [AGENTS / "bin/codex", "exec", "--json", "--skip-git-repo-check", "--sandbox", "read-only", PROMPT]


def run(agent, wxmcp):
    """Runs an agent once; returns what differs from what must be, a sentence each."""
    scratch_directory = tempfile.TemporaryDirectory(prefix="wxmcp-agents-", ignore_cleanup_errors=True)
    with scratch_directory as scratch, ScriptedModel(agent.api) as model:
        home, project = Path(scratch, "home"), Path(scratch, "project")
        home.mkdir()
        project.mkdir()
        base = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        servers = subprocess.run(
            [wxmcp, "serve", "--print-config", agent.name],
            cwd=project, env=base, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ).stdout
        environment, command = agent.configure(home, project, model.url, servers)
        try:
            ended = subprocess.run(
                command, cwd=project, env=base | environment, timeout=SECONDS,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
        except subprocess.TimeoutExpired:
            return [f"it has not ended after {SECONDS} s"]
        finally:
            keep(agent, model.requests)
    offering = [request for request in model.requests if agent.api.offer(request)]
    found = differences(
        agent.api.offer(offering[0]) if offering else None,
        agent.api.results(offering[-1]) if offering else [],
    )
    if ended.returncode:
        found.append(f"exit code {ended.returncode}: {ended.stdout[-1000:]!r}")
    return found


def keep(agent, requests):
    """Writes what an agent sent to its model where a person finds it."""
    folder = AGENTS / "requests"
    folder.mkdir(exist_ok=True)
    (folder / f"{agent.name}.json").write_text(json.dumps(requests, indent=1))


def main():
    wxmcp = str(Path(sys.argv[1]).resolve())
    passed = True
    for agent in (ClaudeCode(), Codex()):
        found = run(agent, wxmcp)
        print(f"{agent.name}: {'; '.join(found) or 'ok'}", flush=True)
        passed = passed and not found
    sys.exit(not passed)


main()

"""What every stage stands on: tables, shards, manifest, runner, sources, chat client. No torch, rich or typer."""

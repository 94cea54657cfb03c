"""Translation between the two protocols: requests one way, answers and streams the other. Pure.

`rules_from_openai` and `rules_from_anthropic` say of every field whether it passes, is lost by name or is
refused; docs/translation.md prints them. Same-protocol traffic never comes here.
"""

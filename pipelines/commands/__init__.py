"""The subcommands of `bertline`: each module adds some to the parser, and does what they ask.

Whatever a command needs is imported when it runs.
"""

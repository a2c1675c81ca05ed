"""Messages as pages that last: Markdown and HTML, readable without Clowder.

Every function here is pure: values of `chat.model` in, text out; `chat.cli.exporting` reads the
messages and writes the files. What people wrote is shown as the characters they typed. It can make
no structure of its own in a page: no heading, no link to elsewhere that looks like ours, no markup.
"""

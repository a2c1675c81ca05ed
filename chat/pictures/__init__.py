"""Pictures: metadata removal, previews, decoding in a limited subprocess."""

"""The application: where documents, links and blocks meet."""

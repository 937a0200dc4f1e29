"""What leaves the page and the command line in one piece: tables, a report, an archive, texts. No gradio."""

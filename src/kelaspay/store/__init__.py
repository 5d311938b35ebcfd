"""Every table and every SQL statement. Functions take an open connection; who opens it decides what is one commit."""

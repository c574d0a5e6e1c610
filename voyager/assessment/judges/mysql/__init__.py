"""The judge of MySQL and MariaDB: its issues as rows, and the modules that find them by topic."""

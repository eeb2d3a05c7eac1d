"""`python -m propneat` is the command `propneat`."""

from propneat.cli.main import main

if __name__ == "__main__":
    main()

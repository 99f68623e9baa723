"""`python -m sharpstudy` is the command `sharpstudy`."""

from sharpstudy.cli import main

if __name__ == "__main__":
    main()

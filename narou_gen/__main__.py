"""`python -m narou_gen`, and `accelerate launch -m narou_gen train ...`."""

from narou_gen.cli import main

if __name__ == "__main__":
    main()

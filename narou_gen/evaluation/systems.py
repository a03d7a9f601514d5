"""All that writes titles in an evaluation: the model and the baselines; and the references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from narou_gen.errors import CheckpointError
from narou_gen.evaluation.baselines import Lead, NearestTitle, RandomTitle
from narou_gen.evaluation.columns import MODEL, REFERENCES
from narou_gen.evaluation.items import EvaluationOptions, Item
from narou_gen.evaluation.material import Material
from narou_gen.evaluation.untrained import untrained_encoder
from narou_gen.generate import TitleGenerator
from narou_gen.options import GenerationOptions


@dataclass(frozen=True)
class Candidate:
    """A title. `score` is the model's mean log-probability per token, None for what is no model."""

    text: str
    score: float | None = None


class _Baseline(Protocol):
    def title(self, item: Item, place: int) -> str: ...


@dataclass(frozen=True)
class Systems:
    """`skipped` says of each baseline that could not be made, why."""

    options: EvaluationOptions
    generators: dict[str, TitleGenerator]
    baselines: dict[str, _Baseline]
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def load(cls, folder: Path, material: Material, options: EvaluationOptions) -> Iterator[Systems]:
        """Everything that is asked for, ready to write.

        Raises:
            CheckpointError: there is no title checkpoint in `folder`.
        """
        systems = cls(options, {MODEL: TitleGenerator.from_checkpoint(folder, options.engine)}, {})
        with ExitStack() as stack:
            if options.baselines:
                try:
                    copy = stack.enter_context(untrained_encoder(folder, options.seed))
                    systems.generators["untrained_encoder"] = TitleGenerator.from_checkpoint(
                        copy, options.engine
                    )
                except CheckpointError as error:
                    systems.skipped["untrained_encoder"] = str(error)
                made: dict[str, type[Lead | NearestTitle | RandomTitle]] = {
                    "lead": Lead,
                    "nearest": NearestTitle,
                    "random": RandomTitle,
                }
                for name, baseline in made.items():
                    if material.training:
                        systems.baselines[name] = baseline(material.training, options)
                    else:
                        systems.skipped[name] = material.no_training
            yield systems

    def write(self, items: Sequence[Item], first: int) -> list[dict[str, list[Candidate]]]:
        """Titles of each item by each system, best first; an empty title where a model found none.

        `first` is the place of the first of these items among all.
        """
        found: list[dict[str, list[Candidate]]] = [{} for _ in items]
        search = GenerationOptions(num_titles=self.options.num_titles, num_beams=self.options.num_beams)
        for name, generator in self.generators.items():
            titles = generator.generate(
                [item.synopsis for item in items],
                search,
                conditions=[item.conditions(self.options) for item in items],
            )
            for place, candidates in enumerate(titles):
                found[place][name] = [Candidate(one.text, one.score) for one in candidates] or [Candidate("")]
        for place, item in enumerate(items):
            for name, baseline in self.baselines.items():
                found[place][name] = [Candidate(baseline.title(item, first + place))]
            found[place][REFERENCES] = [Candidate(item.asked_reference(self.options))]
        return found

"""The reference engine: transformers' `generate()`, searching as CTranslate2 does."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import EncoderDecoderModel, GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation import (
    MinLengthLogitsProcessor,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.modeling_outputs import BaseModelOutput

from narou_gen.batches import padded
from narou_gen.search import Candidate, Search, Source, most_looked_at
from narou_gen.tokenizer import Tokenizer

_BATCH = 16
"""Sources searched together."""


class TorchEngine:
    """An EncoderDecoderModel, on the device where it is."""

    def __init__(self, model: EncoderDecoderModel, tokenizer: Tokenizer) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.max_source_tokens = int(model.config.encoder.max_position_embeddings)
        self.max_target_tokens = int(model.generation_config.max_length)

    def search(
        self, sources: Sequence[Source], search: Search, prefixes: Sequence[Sequence[int]] | None = None
    ) -> list[list[Candidate]]:
        prefixes = prefixes or [()] * len(sources)
        found: list[list[Candidate]] = [[] for _ in sources]
        # Searched together: what needs no padding before a title, and may or may not name unknown words.
        groups: dict[tuple[int, bool], list[int]] = {}
        for index in sorted(range(len(sources)), key=lambda index: len(sources[index].ids)):
            key = (len(prefixes[index]), bool(sources[index].unknowns))
            groups.setdefault(key, []).append(index)
        size = 1 if search.sample and search.seed is not None else _BATCH
        for group in groups.values():
            for start in range(0, len(group), size):
                batch = group[start : start + size]
                candidates = self._search([sources[i] for i in batch], search, [prefixes[i] for i in batch])
                for index, each in zip(batch, candidates, strict=True):
                    found[index] = each
        return found

    @torch.inference_mode()
    def _search(
        self, sources: list[Source], search: Search, prefixes: list[Sequence[int]]
    ) -> list[list[Candidate]]:
        model, tokenizer, many = self._model, self._tokenizer, search.candidates
        states, mask = self._encode(sources)
        prefix = torch.tensor([[tokenizer.cls_id, *ids] for ids in prefixes], device=model.device)
        config = self._config(search, unknowns=bool(sources[0].unknowns))
        with self._randomness(search.seed):
            # generate() repeats what it is given for each candidate in place: hand it a wrapper of its own.
            sequences = model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                decoder_input_ids=prefix,
                generation_config=config,
            )
        states, mask = states.repeat_interleave(many, 0), mask.repeat_interleave(many, 0)
        rules = self._rules(config) if prefix.shape[1] == 1 else LogitsProcessorList()
        scores = self._scores(sequences, states, mask, rules)
        candidates = []
        for row, (ids, (log_probability, tokens)) in enumerate(
            zip(sequences[:, prefix.shape[1] :].tolist(), scores, strict=True)
        ):
            written = ids[: ids.index(tokenizer.sep_id)] if tokenizer.sep_id in ids else ids
            unknowns: list[str] = []
            if tokenizer.unk_id in written:
                whole = sequences[row : row + 1]
                looks = self.attention(whole, states[row : row + 1], mask[row : row + 1])
                places = [
                    prefix.shape[1] - 1 + place
                    for place, token in enumerate(written)
                    if token == tokenizer.unk_id
                ]
                unknowns = most_looked_at(
                    [looks[place] for place in places], sources[row // many], tokenizer.unk_id
                )
            candidates.append(Candidate(written, log_probability, tokens, unknowns))
        return [search.ranked(candidates[start : start + many]) for start in range(0, len(candidates), many)]

    def _encode(self, sources: Sequence[Source]) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoder states (sources, tokens, width), and the mask of their tokens."""
        ids = [source.ids for source in sources]
        source_ids = padded(ids, self._tokenizer.pad_id).to(self._model.device)
        mask = padded([[1] * len(each) for each in ids], 0).to(self._model.device)
        states = self._model.encoder(input_ids=source_ids, attention_mask=mask).last_hidden_state
        return states, mask

    def _config(self, search: Search, unknowns: bool) -> GenerationConfig:
        never = {self._tokenizer.cls_id, self._tokenizer.pad_id}
        config = copy.deepcopy(self._model.generation_config)
        config.update(
            num_beams=1 if search.sample else search.candidates,
            num_return_sequences=search.candidates,
            length_penalty=search.length_penalty,
            max_length=search.max_tokens,
            min_length=search.min_tokens + 1,
            no_repeat_ngram_size=search.no_repeat_ngram_size,
            suppress_tokens=sorted(never if unknowns else never | {self._tokenizer.unk_id}),
            bad_words_ids=[list(ids) for ids in search.never] or None,
            do_sample=search.sample,
            # As CTranslate2: done when as many titles have ended as the beam is wide, and what may not be
            # written leaves its probability to the rest.
            early_stopping=not search.sample and search.candidates > 1,
            renormalize_logits=True,
        )
        if search.sample:
            config.update(temperature=search.temperature, top_k=search.top_k, top_p=search.top_p)
        return config

    def _rules(self, config: GenerationConfig) -> LogitsProcessorList:
        """What may not be written, and where, as `generate()` makes it of the config."""
        device, end = self._model.device, self._tokenizer.sep_id
        rules: list[LogitsProcessor] = [
            SuppressTokensLogitsProcessor(config.suppress_tokens, device=device),
            MinLengthLogitsProcessor(config.min_length, end, device=device),
        ]
        if config.no_repeat_ngram_size:
            rules.append(NoRepeatNGramLogitsProcessor(config.no_repeat_ngram_size))
        if config.bad_words_ids:
            rules.append(NoBadWordsLogitsProcessor(config.bad_words_ids, end))
        return LogitsProcessorList(rules)

    @contextmanager
    def _randomness(self, seed: int | None) -> Iterator[None]:
        """A seeded search leaves torch's other random numbers as they were."""
        devices = [self._model.device] if self._model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices, enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            yield

    def _scores(
        self, sequences: torch.Tensor, states: torch.Tensor, mask: torch.Tensor, rules: LogitsProcessorList
    ) -> list[tuple[float, int]]:
        """Log-probability of each sequence under the rules, whatever search found it; its number of tokens.

        `sequences`: (candidates, tokens) from [CLS] on; `states`: (candidates, source tokens, width).
        """
        given, said = sequences[:, :-1], sequences[:, 1:]
        # Padding follows the first end; the end itself counts as said.
        ended = (given == self._tokenizer.sep_id).cumsum(1) > 0
        logits = self._decode(given, states, mask).logits.float()
        for place in range(given.shape[1]) if rules else ():
            logits[:, place] = rules(given[:, : place + 1], logits[:, place])
        log_probabilities = torch.log_softmax(logits, -1).gather(2, said[..., None])[..., 0]
        summed = log_probabilities.masked_fill(ended, 0).sum(1)
        return list(zip(summed.tolist(), (~ended).sum(1).tolist(), strict=True))

    def _decode(self, given: torch.Tensor, states: torch.Tensor, mask: torch.Tensor, **more: Any) -> Any:
        projection = getattr(self._model, "enc_to_dec_proj", None)
        if projection is not None:
            states = projection(states)
        return self._model.decoder(
            input_ids=given, encoder_hidden_states=states, encoder_attention_mask=mask, **more
        )

    def attention(
        self, sequences: torch.Tensor, states: torch.Tensor, mask: torch.Tensor
    ) -> list[list[float]]:
        """Where the last decoder layer looks as it writes each token of one sequence, mean of its heads.

        A list of (source tokens) wide rows, one for each token behind [CLS].
        """
        decoder = self._model.decoder
        usual = decoder.config._attn_implementation
        decoder.set_attn_implementation("eager")  # the only one that hands out its weights
        try:
            found = self._decode(sequences[:, :-1], states, mask, output_attentions=True)
        finally:
            decoder.set_attn_implementation(usual)
        rows: list[list[float]] = found.cross_attentions[-1][0].mean(0).tolist()
        return rows

    def stream(self, source: Source, search: Search, prefix: Sequence[int] = ()) -> Iterator[int]:
        written = [self._tokenizer.cls_id, *prefix]
        rules = self._rules(self._config(search, unknowns=False))
        if search.sample:
            rules += [
                TemperatureLogitsWarper(search.temperature),
                *([TopKLogitsWarper(search.top_k)] if search.top_k else []),
                TopPLogitsWarper(search.top_p),
            ]
        draws = torch.Generator().manual_seed(search.seed) if search.seed is not None else None
        with torch.inference_mode():
            states, mask = self._encode([source])
        while len(written) < search.max_tokens:
            with torch.inference_mode():
                given = torch.tensor([written], device=self._model.device)
                logits = rules(given, self._decode(given, states, mask).logits[:, -1].float())[0].cpu()
            chosen = logits.softmax(-1).multinomial(1, generator=draws) if search.sample else logits.argmax()
            if int(chosen) == self._tokenizer.sep_id:
                return
            written.append(int(chosen))
            yield int(chosen)

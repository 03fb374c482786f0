"""Learning an adapter, on an encoder of two tiny layers with random weights: nothing is loaded, and no text is needed."""

import numpy as np
import pytest

from ml.text_labels.adapter import UNLABELLED, AdapterSettings, corrections, learn


@pytest.mark.slow
def test_what_an_adapter_adds_to_the_encoder_s_matrices_tells_the_classes_apart() -> None:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    shape = BertConfig(vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    encoder, plain = BertModel(shape).eval(), BertModel(shape).eval()
    plain.load_state_dict(encoder.state_dict())
    rng = np.random.default_rng(0)
    tokens = [rng.integers(5, 40, size=rng.integers(4, 7)).tolist() for _ in range(400)]
    has_seven = np.array([int(7 in ids) for ids in tokens])
    has_nine = np.array([int(9 in ids) for ids in tokens])
    labels = {"seven": has_seven.copy(), "nine": has_nine.copy()}
    labels["seven"][::4] = UNLABELLED

    adapter = learn(
        encoder, tokens, labels, AdapterSettings(layers=1, rank=4, steps=300, learning_rate=2e-2, dropout=0.0)
    )

    added = corrections(adapter)
    assert {name.split(".")[2] for name in added} == {"1"}
    changed = {
        name: weight + torch.from_numpy(added.get(name, np.zeros(1, np.float32)))
        for name, weight in plain.state_dict().items()
        if weight.is_floating_point()
    }
    plain.load_state_dict(changed, strict=False)
    with torch.no_grad():
        means = [plain(torch.tensor([ids])).last_hidden_state.mean(1)[0] for ids in tokens]
        vectors = torch.nn.functional.normalize(torch.stack(means), dim=1).numpy()
    for task, truth in (("seven", has_seven), ("nine", has_nine)):
        scores = vectors @ adapter.weights[f"head.{task}.weight"].T + adapter.weights[f"head.{task}.bias"]
        recall = np.mean([(scores.argmax(1)[truth == one] == one).mean() for one in (0, 1)])
        assert recall > 0.9

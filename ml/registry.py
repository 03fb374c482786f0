"""Where models are kept: MLflow tracking and registry in a database, SQLite or PostgreSQL. The one impure file of `ml`.

Belongs here: every MLflow call. Does not belong here: what there is to keep (`ml/families.py`), training, evaluation, the gate.

MLflow takes seconds to import, so it is imported inside the functions that need it. Pip requirements are given and there is no
input example: MLflow would otherwise start processes to find out what a model needs.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import polars as pl
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from contracts.errors import NotReadyError, ProviderError, PulsoError
from contracts.ports import TextEncoder
from ml.engagement import EngagementModel
from ml.evaluation import CHAMPION
from ml.families import ENGAGEMENT, FAMILIES, Family, Trained
from ml.rounds import RoundInputs
from ml.text_embeddings import with_new_vectors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

Model = TypeVar("Model")
State = Literal["champion", "was_champion", "withdrawn", "refused"]
_CARD_FILE = "model_card.md"
_NOTHING_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow says of a model, and of an alias, that it does not have."""
_REIGN, _WITHDRAWN = "reign", "withdrawn"
"""Tags of a version: its number among the champions, and why people took it back."""
_REQUIREMENTS = ("scikit-learn", "polars", "scipy", "skops")


@dataclass(frozen=True)
class Registered:
    """A registered version and what became of it."""

    version: str
    run_id: str
    is_champion: bool
    reasons: tuple[str, ...]


def register(
    family: Family[Model],
    training: Trained[Model],
    *,
    uri: str,
    artifact_root: str,
    trained_at: datetime,
    inputs: RoundInputs,
) -> Registered:
    """Log a training round and register its model; the alias `champion` moves to it only if the gate was passed.

    `uri`: tracking and registry, `sqlite:///.../mlflow.db` or `postgresql://...`. `artifact_root`: folder for artefacts as a URI, file
    or s3; used when the experiment is created. `inputs`: what decides the round, kept as tags of its run.
    Raises ProviderError when the database is away, PulsoError when the experiment keeps its artefacts elsewhere than in the bucket.
    """
    client = _client(uri)
    experiment_id = _experiment(client, family.name, artifact_root)
    start = int(trained_at.timestamp() * 1000)
    run = client.create_run(
        experiment_id, start_time=start, run_name=f"{family.name} {trained_at:%Y-%m-%d %H:%M}", tags=inputs.tags()
    )
    run_id: str = run.info.run_id
    _log(client, run_id, training)
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "model"
        _package(family, training.model, built, card=training.card(trained_at=trained_at))
        client.log_artifacts(run_id, str(built), family.name)
    client.set_terminated(run_id, "FINISHED")
    if not any(model.name == family.name for model in client.search_registered_models()):
        client.create_registered_model(family.name, description=f"{family.purpose}: see each version's model card.")
    source = f"{client.get_run(run_id).info.artifact_uri}/{family.name}"
    version = client.create_model_version(
        family.name,
        source=source,
        run_id=run_id,
        description="; ".join(training.gate.reasons),
        tags={"kind": str(training.parameters["kind"]), "is_gate_passed": str(training.gate.is_passed).lower()},
    )
    if training.gate.is_passed:
        _crown(client, family, str(version.version))
    return Registered(str(version.version), run_id, training.gate.is_passed, training.gate.reasons)


@dataclass(frozen=True)
class Standing:
    """What became of a round, as of now."""

    version: str
    run_id: str
    kind: str
    reasons: str
    """Why its model passed the gate, or did not."""
    reign: int | None
    """Its number among the champions, from 1; None when it never became one."""
    is_champion: bool
    withdrawn: str | None
    """Why people took it back, when they did."""

    @property
    def state(self) -> State:
        if self.is_champion:
            return "champion"
        if self.withdrawn is not None:
            return "withdrawn"
        return "was_champion" if self.reign else "refused"


@dataclass(frozen=True)
class Round(Standing):
    """A training round as the registry remembers it."""

    trained_at: datetime
    """Business time (UTC)."""
    tags: Mapping[str, str]
    figures: Mapping[str, float]


def standings(family: Family[Any], uri: str) -> tuple[Standing, ...]:
    """Of all rounds, newest first; none where nothing was trained. Two questions to the registry, however many rounds there are."""
    return _standings(_client(uri), family, f"name = '{family.name}'")


def rounds(family: Family[Any], uri: str) -> tuple[Round, ...]:
    """All rounds, newest first; none where nothing was trained."""
    client = _client(uri)
    return tuple(_round(client, standing) for standing in _standings(client, family, f"name = '{family.name}'"))


def round_from(uri: str, standing: Standing) -> Round:
    """The round that this became of: one question to the registry."""
    return _round(_client(uri), standing)


def round_of(family: Family[Any], uri: str, run_id: str) -> Round:
    """The round of an MLflow run. Raises NotReadyError when no registered model of the family comes from it."""
    client = _client(uri)
    for standing in _standings(client, family, f"name = '{family.name}' and run_id = '{run_id}'"):
        return _round(client, standing)
    raise NotReadyError(f"no registered {family.name} model comes from run {run_id}: `pulso model list` shows the runs")


def load_version(family: Family[Model], uri: str, version: str) -> Model:
    """The model of a version."""
    return family.load(_folder(family, uri, _client(uri).get_model_version(family.name, version)) / _file(family))


def roll_back(family: Family[Any], uri: str, *, reason: str) -> tuple[Round, Round]:
    """Take the champion back: the one before it, that was not taken back itself, becomes champion again.

    Returns the one that went and the one that came. Raises NotReadyError when there is no other to go back to.
    """
    client = _client(uri)
    known = _standings(client, family, f"name = '{family.name}'")
    present = next((r for r in known if r.is_champion), None)
    if present is None:
        raise NotReadyError(f"no {family.name} model has been trained yet: there is nothing to take back")
    earlier = [r for r in known if r.reign and r.reign < (present.reign or 0) and r.withdrawn is None]
    if not earlier:
        raise NotReadyError(f"version {present.version} is the first champion: there is no earlier one to go back to")
    back = max(earlier, key=lambda r: r.reign or 0)
    client.set_model_version_tag(family.name, present.version, _WITHDRAWN, reason)
    client.set_registered_model_alias(family.name, CHAMPION, back.version)
    return _round(client, present), _round(client, back)


def load_champion(family: Family[Model], uri: str) -> tuple[Model, str]:
    """The champion and its version. Raises NotReadyError when no model has been trained."""
    folder, version = _champion_folder(family, uri)
    return family.load(folder / _file(family)), version


def champion_version(family: Family[Any], uri: str) -> str:
    """The champion's version. Raises NotReadyError when no model has been trained."""
    return str(_champion_version(_client(uri), family).version)


def champion_card(family: Family[Any], uri: str) -> str:
    """The champion's model card (Markdown). Raises NotReadyError when no model has been trained."""
    return (_champion_folder(family, uri)[0] / _CARD_FILE).read_text(encoding="utf-8")


def champion_trained_at(family: Family[Any], uri: str) -> datetime:
    """Business time at which the champion was trained (UTC). Raises NotReadyError when no model has been trained."""
    client = _client(uri)
    run = client.get_run(_champion_version(client, family).run_id)
    return datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC)


class EngagementScorer:
    """`contracts.ports.Scorer` with the champion, loaded at the first use and kept. A copy sent to another process takes it along.

    `observed` (features of past posts, schema POST_FEATURES) sharpens intervals with what has matured since training. Texts are encoded
    where the champion reads vectors, and not otherwise.
    """

    def __init__(self, uri: str, *, observed: pl.DataFrame | None = None, encoder: TextEncoder | None = None) -> None:
        self._uri = uri
        self._observed = observed
        self._encoder = encoder
        self._loaded: tuple[EngagementModel, str] | None = None

    def _champion(self) -> tuple[EngagementModel, str]:
        if self._loaded is None:
            champion, version = load_champion(ENGAGEMENT, self._uri)
            self._loaded = champion if self._observed is None else champion.having_seen(self._observed), version
            self._observed = None
        return self._loaded

    @property
    def model_version(self) -> str:
        """Version of the champion. Raises NotReadyError when no model has been trained."""
        return self._champion()[1]

    def score(self, features: pl.DataFrame) -> pl.DataFrame:
        """One row per input row: expected, lower and upper log engagement, and `interval_level`."""
        champion = self._champion()[0]
        if champion.reads_vectors and self._encoder is not None:
            features = with_new_vectors(features, self._encoder)
        return champion.forecast(features)


def _client(uri: str) -> "MlflowClient":
    """A client for tracking and registry at `uri`. Telemetry is off before MLflow is imported. Raises ProviderError when it is away."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    if not uri.startswith("sqlite:"):
        _knock(uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _knock(uri: str) -> None:
    """Raises ProviderError when the database does not answer. MLflow would try for two minutes and then say something else."""
    engine = create_engine(uri)
    try:
        engine.connect().close()
    except OperationalError as error:
        raise ProviderError(f"The database of PULSO_MLFLOW_URL does not answer: {error.orig}") from error
    finally:
        engine.dispose()


def _experiment(client: "MlflowClient", name: str, artifact_root: str) -> str:
    """The id of a family's experiment, made when there is none. Raises PulsoError when its artefacts are not in the bucket that is asked for."""
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return str(client.create_experiment(name, artifact_location=artifact_root))
    kept_at = str(experiment.artifact_location)
    if kept_at != artifact_root and any(place.startswith("s3://") for place in (kept_at, artifact_root)):
        raise PulsoError(
            f"The models of this MLflow are kept at {kept_at}, and an experiment can't move to {artifact_root}: set "
            "PULSO_MLFLOW_ARTIFACTS_URL to where they are, or PULSO_MLFLOW_URL to a database of its own."
        )
    return str(experiment.experiment_id)


def _log(client: "MlflowClient", run_id: str, training: Trained[Any]) -> None:
    """Parameters and figures of the round."""
    from mlflow.entities import Metric, Param

    client.log_batch(
        run_id,
        metrics=[Metric(name, value, 0, 0) for name, value in training.figures.items()],
        params=[Param(name, str(value)) for name, value in training.parameters.items()],
    )


def _file(family: Family[Any]) -> str:
    return f"{family.name}.skops"


def _package(family: Family[Model], model: Model, folder: Path, *, card: str) -> None:
    """An MLflow model folder that `mlflow.pyfunc.load_model` understands, holding the skops file and the card."""
    from mlflow.pyfunc import save_model

    with tempfile.TemporaryDirectory() as parent:
        parts = Path(parent) / family.name
        parts.mkdir()
        family.save(model, parts / _file(family))
        (parts / _CARD_FILE).write_text(card, encoding="utf-8")
        save_model(
            path=str(folder), loader_module="ml.registry", data_path=str(parts), pip_requirements=list(_REQUIREMENTS)
        )


def _crown(client: "MlflowClient", family: Family[Any], version: str) -> None:
    """Make a version the champion, and count the champions, so that it is known who came before whom."""
    crowned = [v.tags[_REIGN] for v in client.search_model_versions(f"name = '{family.name}'") if _REIGN in v.tags]
    client.set_model_version_tag(family.name, version, _REIGN, str(max(map(int, crowned), default=0) + 1))
    client.set_registered_model_alias(family.name, CHAMPION, version)


def _standings(client: "MlflowClient", family: Family[Any], which: str) -> tuple[Standing, ...]:
    """Of the versions that an MLflow filter names, newest first."""
    try:
        champion = str(_champion_version(client, family).version)
    except NotReadyError:
        champion = None
    versions = client.search_model_versions(which, max_results=10_000)
    return tuple(
        Standing(
            version=str(version.version),
            run_id=version.run_id,
            kind=version.tags["kind"],
            reasons=version.description or "",
            reign=int(version.tags[_REIGN]) if _REIGN in version.tags else None,
            is_champion=str(version.version) == champion,
            withdrawn=version.tags.get(_WITHDRAWN),
        )
        for version in sorted(versions, key=lambda v: int(v.version), reverse=True)
    )


def _round(client: "MlflowClient", standing: Standing) -> Round:
    run = client.get_run(standing.run_id)
    return Round(
        **vars(standing),
        trained_at=datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC),
        tags=run.data.tags,
        figures=run.data.metrics,
    )


def _champion_version(client: "MlflowClient", family: Family[Any]) -> "ModelVersion":
    """The version that the alias names. Raises NotReadyError when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(family.name, CHAMPION)
    except MlflowException as error:
        if error.error_code not in _NOTHING_THERE:
            raise
        raise NotReadyError(
            f"no {family.name} model has been trained yet: run `make run`, or materialize the models"
        ) from error


def _champion_folder(family: Family[Any], uri: str) -> tuple[Path, str]:
    """Local folder of the champion's file and card, and its version. Raises NotReadyError when there is none."""
    version = _champion_version(_client(uri), family)
    return _folder(family, uri, version), str(version.version)


def _folder(family: Family[Any], uri: str, version: "ModelVersion") -> Path:
    from mlflow.artifacts import download_artifacts

    return Path(download_artifacts(artifact_uri=version.source, tracking_uri=uri)) / "data" / family.name


class _PyfuncModel:
    """The shape that MLflow's own tools expect of a model: a frame of what its family learns from in, a frame of forecasts out."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, model_input: Any) -> Any:
        return self._model.forecast(pl.DataFrame(model_input)).to_pandas()


def _load_pyfunc(data_path: str) -> _PyfuncModel:
    """Entry point that MLflow calls for `mlflow.pyfunc.load_model("models:/engagement@champion")`. The folder has the family's name."""
    family = FAMILIES[Path(data_path).name]
    return _PyfuncModel(family.load(Path(data_path) / _file(family)))

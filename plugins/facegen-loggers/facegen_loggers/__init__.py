"""Weights & Biases and MLflow as loggers of facegen."""

from facegen import hookimpl


@hookimpl
def facegen_loggers() -> dict[str, str]:
    return {"mlflow": "facegen_loggers.mlflow_runs:Mlflow", "wandb": "facegen_loggers.wandb_runs:Wandb"}

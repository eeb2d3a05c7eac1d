"""Converters of skl2onnx for the estimators, so that a pipeline of scikit-learn with one of them becomes an ONNX graph."""

from typing import Any

from onnx import helper
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType

from propneat.base.errors import ConfigError
from propneat.estimators import PropNEATClassifier, PropNEATRegressor
from propneat.export.onnx_form import OPSET, add_model
from propneat.export.onnx_graph import Graph
from propneat.formula.making import columns_of

__all__ = ["register"]


def register() -> None:
    """Make skl2onnx know PropNEATClassifier and PropNEATRegressor; their answers are float64."""
    update_registered_converter(PropNEATClassifier, "PropNEATClassifier", _classifier_shapes, _convert)
    update_registered_converter(PropNEATRegressor, "PropNEATRegressor", _regressor_shapes, _convert)


def _classifier_shapes(operator: Any) -> None:
    classes = operator.raw_operator.model_.classes
    n_rows = operator.inputs[0].get_first_dimension()
    are_numbers = all(isinstance(label, int) and not isinstance(label, bool) for label in classes)
    operator.outputs[0].type = (Int64TensorType if are_numbers else StringTensorType)([n_rows])
    operator.outputs[1].type = DoubleTensorType([n_rows, len(classes)])


def _regressor_shapes(operator: Any) -> None:
    operator.outputs[0].type = DoubleTensorType([operator.inputs[0].get_first_dimension(), 1])


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add a fitted estimator to a graph; raises ConfigError for an older opset and for columns of the wrong kind."""
    if container.target_opset < OPSET:
        raise ConfigError(f"a graph of propneat needs target_opset={OPSET} or more, not {container.target_opset}")
    model = operator.raw_operator.model_
    g = Graph(scope.get_unique_variable_name("propneat") + "_")
    given = _columns(g, operator, model)
    add_model(g, model, given, operator.inputs[0].full_name, tuple(output.full_name for output in operator.outputs))
    for constant in g.constants.values():
        container.initializers.append(constant)
    for node in g.nodes:
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        name = scope.get_unique_operator_name(node.op_type)
        container.add_node(node.op_type, list(node.input), list(node.output), name=name, **attributes)


def _columns(g: Graph, operator: Any, model: Any) -> dict[str, str]:
    """Return the value (n_rows, 1) of each used column; inputs are columns or matrices of them, in the order of training."""
    places: list[tuple[Any, int | None]] = []
    for value in operator.inputs:
        width = value.type.shape[1]
        places += [(value, None)] if width == 1 else [(value, column) for column in range(width)]
    names = [column.name for column in model.preprocessor.plan.columns]
    if len(places) != len(names):
        raise ConfigError(f"the estimator was fitted on {len(names)} columns, and the graph gives it {len(places)}")
    kinds, found = columns_of(model.preprocessor), {}
    for name, (value, column) in zip(names, places, strict=True):
        if name not in model.used_features:
            continue
        is_text = isinstance(value.type, StringTensorType)
        if is_text != (kinds[name].kind == "text"):
            raise ConfigError(
                f"column {name!r} was {kinds[name].kind} in training, and the graph gives {type(value.type).__name__}"
            )
        one = value.full_name if column is None else g.columns(value.full_name, [column])
        found[name] = one if is_text else g("Cast", one, to=helper.TensorProto.DOUBLE)
    return found

"""What templates see: the spec with every name, type and route already decided.

Templates hold no logic beyond loops and conditions; whatever takes thought is decided here.
"""

from qlf.blueprint.views.app import AppView, app_view
from qlf.blueprint.views.check import check
from qlf.blueprint.views.entity import EntityView
from qlf.blueprint.views.field import FieldView
from qlf.blueprint.views.relation import RelationView

__all__ = ["AppView", "EntityView", "FieldView", "RelationView", "app_view", "check"]

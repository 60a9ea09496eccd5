"""The use cases of products."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.query import contains, get_row, paginate, refer
from app.db.session import transaction
from app.models.category import Category
from app.models.product import Product
from app.schemas.product import ProductCreate, ProductFilter, ProductUpdate

SORTABLE = {
    "created_at": Product.created_at,
    "sku": Product.sku,
    "name": Product.name,
    "price": Product.price,
    "stock": Product.stock,
    "is_active": Product.is_active,
}


def list_products(session: Session, filters: ProductFilter) -> tuple[Sequence[Product], int]:
    """Return a page of the products, and how many there are."""
    statement = select(Product)
    if filters.category_id is not None:
        statement = statement.where(Product.category_id == filters.category_id)
    if filters.is_active is not None:
        statement = statement.where(Product.is_active == filters.is_active)
    if filters.q is not None:
        statement = statement.where(contains(filters.q, Product.sku, Product.name))
    return paginate(
        session, statement, Product, SORTABLE, filters.sort, filters.limit, filters.offset
    )


def get_product(session: Session, product_id: UUID) -> Product:
    """Return one product."""
    return get_row(session, Product, product_id)


def create_product(session: Session, data: ProductCreate) -> Product:
    """Store a new product."""
    row = Product(**data.model_dump())
    with transaction(session):
        _check(session, row)
        session.add(row)
    return row


def update_product(session: Session, product_id: UUID, changes: ProductUpdate) -> Product:
    """Change the given fields of one product."""
    with transaction(session), session.no_autoflush:
        row = get_row(session, Product, product_id, lock=True)
        for field, value in changes.items():
            setattr(row, field, value)
        _check(session, row)
    return row


def delete_product(session: Session, product_id: UUID) -> None:
    """Delete one product."""
    with transaction(session):
        session.delete(get_row(session, Product, product_id, lock=True))


def _check(session: Session, row: Product) -> None:
    if row.category_id is not None:
        refer(session, Category, row.category_id, "category_id")

"""The use cases of a product."""

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
}


def list_products(session: Session, filters: ProductFilter) -> tuple[Sequence[Product], int]:
    """Return a page of the products, and their number."""
    statement = select(Product)
    if filters.is_active is not None:
        statement = statement.where(Product.is_active == filters.is_active)
    if filters.category_id is not None:
        statement = statement.where(Product.category_id == filters.category_id)
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
    with transaction(session):
        if data.category_id is not None:
            refer(session, Category, data.category_id, "category_id")
        product = Product(
            sku=data.sku,
            name=data.name,
            description=data.description,
            price=data.price,
            stock=data.stock,
            is_active=data.is_active,
            category_id=data.category_id,
        )
        session.add(product)
    return product


def update_product(session: Session, product_id: UUID, changes: ProductUpdate) -> Product:
    """Change the given fields of a product."""
    with transaction(session):
        product = get_row(session, Product, product_id, lock=True)
        category_id = changes.get("category_id")
        if category_id is not None:
            refer(session, Category, category_id, "category_id")
        for field, value in changes.items():
            setattr(product, field, value)
    return product


def delete_product(session: Session, product_id: UUID) -> None:
    """Delete a product."""
    with transaction(session):
        product = get_row(session, Product, product_id, lock=True)
        session.delete(product)

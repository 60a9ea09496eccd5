"""All routers; each carries its full path, so that metrics and logs name the route as it is."""

from app.api import (
    auth,
    cart,
    cart_item,
    category,
    health,
    me,
    order,
    order_item,
    product,
    user,
    user_session,
)

ROUTERS = (
    auth.router,
    me.router,
    user.router,
    user_session.router,
    category.router,
    product.router,
    cart.router,
    cart_item.router,
    order.router,
    order_item.router,
    health.router,
)

from decimal import ROUND_HALF_UP, Decimal

from less import kvs


def process(order):
    """What is to be paid, in cents, and how much of it a voucher has saved."""
    full = order['cents'] * order['count']
    percent = kvs.get(f"voucher:{order['voucher']}") if order.get('voucher') else None
    saved = int((Decimal(full) * (percent or 0) / 100).quantize(Decimal(1), ROUND_HALF_UP))
    return {'cents': full - saved, 'saved': saved}

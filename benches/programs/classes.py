"""Objects, methods, exceptions and generators."""


class Account:
    def __init__(self, name):
        self.name = name
        self.balance = 0
        self.history = []

    def apply(self, amount):
        if self.balance + amount < 0:
            raise ValueError(self.name)
        self.balance += amount
        self.history.append(amount)


class Saver(Account):
    @property
    def interest(self):
        return self.balance // 50

    def apply(self, amount):
        super().apply(amount + self.interest % 3)


def amounts(n):
    for i in range(n):
        yield i % 13 - 5


accounts = [Saver(str(i)) if i % 2 else Account(str(i)) for i in range(50)]
refused = 0
for amount in amounts(12_000):
    for account in accounts[amount % 10 :: 10]:
        for part in (amount, -amount // 2, 1):
            try:
                account.apply(part)
            except ValueError:
                refused += 1
print(refused, sum(a.balance for a in accounts))

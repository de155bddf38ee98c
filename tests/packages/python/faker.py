from faker import Faker

fake = Faker()
Faker.seed(4321)
print(fake.name(), "|", fake.email(), "|", fake.city(), "|", fake.company(), "|", fake.job())
print(fake.random_int(1, 100), fake.pyfloat(left_digits=2, right_digits=2), fake.uuid4(), fake.ipv4(), fake.color_name(), fake.word())
print(fake.sentence(nb_words=5), fake.date_between_dates(__import__("datetime").date(2020, 1, 1), __import__("datetime").date(2020, 12, 31)))
german = Faker("de_DE")
german.seed_instance(1)
print(german.name(), german.street_address(), german.postcode(), german.phone_number())
many = Faker(["en_US", "ja_JP"])
many.seed_instance(7)
print([many.name() for _ in range(3)], [fake.unique.random_digit() for _ in range(5)])
print(fake.bothify("??-###"), fake.profile(["username", "sex"]), fake.credit_card_number(), fake.iban())

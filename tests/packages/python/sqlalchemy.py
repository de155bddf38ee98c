from sqlalchemy import ForeignKey, Integer, String, create_engine, func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(30), unique=True)
    posts: Mapped[list["Post"]] = relationship(back_populates="user", cascade="all, delete-orphan")


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str]
    user: Mapped[User] = relationship(back_populates="posts")


engine = create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([User(name="ann", posts=[Post(title="a"), Post(title="b")]), User(name="bob")])
    session.commit()
    query = select(User.name, func.count(Post.id)).outerjoin(Post).group_by(User.name).order_by(User.name)
    print(query, session.execute(query).all())
    print([post.title for post in session.scalars(select(User).where(User.name.like("a%"))).one().posts])
    session.add(User(name="ann"))
    try:
        session.commit()
    except IntegrityError as error:
        print(error.orig)
with engine.connect() as connection:
    print(connection.execute(text("select name from users where id = :id"), {"id": 2}).scalar(), inspect(engine).get_table_names())

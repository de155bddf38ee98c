import sqlparse
from sqlparse.sql import Identifier, IdentifierList, Where
from sqlparse.tokens import DML, Keyword

sql = "select a, b as c, count(*) from t1 join t2 on t1.id=t2.id where a>1 and b in (select x from y) group by a; -- end\ninsert into z values (1,'x;y')"
print(sqlparse.format(sql, reindent=True, keyword_case="upper", strip_comments=True))
statements = sqlparse.split(sql)
print(len(statements), [sqlparse.parse(one)[0].get_type() for one in statements])
parsed = sqlparse.parse(sql)[0]
for token in parsed.tokens:
    if isinstance(token, IdentifierList):
        print([(one.get_real_name(), one.get_alias()) for one in token.get_identifiers() if isinstance(one, Identifier)])
    if isinstance(token, Where):
        print(token.value)
parsed._pprint_tree(max_depth=1)
print([str(token) for token in parsed.flatten() if token.ttype is Keyword], parsed.token_first().ttype is DML)
print(sqlparse.format("SELECT 'abcdefghij'", truncate_strings=3, identifier_case="lower", output_format="python"))

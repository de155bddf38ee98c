import pyparsing as pp

integer = pp.common.signed_integer
word = pp.Word(pp.alphas, pp.alphanums + "_")
assignment = word("name") + pp.Suppress("=") + (integer | pp.quoted_string)("value")
print(assignment.parse_string("x_1 = 42").as_dict(), assignment.parse_string('s = "a b"').dump())
expression = pp.infix_notation(integer | word, [("-", 1, pp.OpAssoc.RIGHT), (pp.one_of("* /"), 2, pp.OpAssoc.LEFT), (pp.one_of("+ -"), 2, pp.OpAssoc.LEFT)])
print(expression.parse_string("1 + 2 * (x - 3)").as_list())
print(pp.nested_expr().parse_string("(a (b c) d)").as_list(), pp.DelimitedList(word).parse_string("a, b,c").as_list())
print([(tokens[0], start) for tokens, start, end in pp.common.number.scan_string("a 1 b 2.5")], pp.Regex(r"\d+").set_parse_action(lambda found: int(found[0]) * 2).transform_string("n=21"))
block = pp.Forward()
block <<= "{" + pp.ZeroOrMore(pp.Group(assignment) | block) + "}"
print(block.parse_string("{ a = 1 { b = 2 } }").as_list())
try:
    assignment.parse_string("x = ?", parse_all=True)
except pp.ParseException as error:
    print(error, error.lineno, error.col)

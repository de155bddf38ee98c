from tabulate import tabulate, tabulate_formats

rows = [["alpha", 1.5, None], ["beta", 22, "x"], ["gämma", -3.25, "multi\nline"]]
for form in ("plain", "simple", "github", "grid", "fancy_grid", "pipe", "html", "latex", "tsv", "rst", "outline"):
    print(form)
    print(tabulate(rows, headers=["Name", "Value", "Note"], tablefmt=form))
print(tabulate([{"a": 1, "b": 2}, {"a": 3}], headers="keys", showindex=True, missingval="-", floatfmt=".2f"))
print(tabulate([["日本", 1]], numalign="left", stralign="center", maxcolwidths=[10, None]), len(tabulate_formats) > 20)

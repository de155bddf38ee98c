import datetime
import os
import tempfile
from openpyxl import Workbook, load_workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

book = Workbook()
sheet = book.active
sheet.title = "Sales"
sheet.append(["Region", "Amount", "Day"])
for row in (("North", 12.5, datetime.date(2024, 1, 2)), ("South", 7, datetime.date(2024, 3, 4))):
    sheet.append(row)
sheet["B4"] = "=SUM(B2:B3)"
sheet["A1"].font, sheet["A1"].fill = Font(bold=True, color="FF0000"), PatternFill("solid", fgColor="FFFF00")
sheet["A1"].alignment = Alignment(horizontal="center")
sheet.merge_cells("A5:C5")
sheet.column_dimensions[get_column_letter(2)].width = 20
chart = BarChart()
chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=3), titles_from_data=True)
sheet.add_chart(chart, "E2")
path = os.path.join(tempfile.mkdtemp(), "a.xlsx")
book.save(path)
again = load_workbook(path)
print(again.sheetnames, [[cell.value for cell in row] for row in again["Sales"].iter_rows()])
print(again["Sales"]["A1"].font.b, again["Sales"].merged_cells.ranges, again["Sales"].dimensions)
print(load_workbook(path, read_only=True, data_only=True)["Sales"].max_row)

import datetime
import io
import zipfile
import xlsxwriter
from xlsxwriter.utility import xl_range, xl_rowcol_to_cell

out = io.BytesIO()
book = xlsxwriter.Workbook(out, {"in_memory": True})
book.set_properties({"title": "T", "created": datetime.datetime(2024, 1, 1)})
sheet = book.add_worksheet("Data")
bold = book.add_format({"bold": True, "bg_color": "#FFFF00", "num_format": "#,##0.00"})
sheet.write_row("A1", ["Name", "Value"], bold)
for row, (name, value) in enumerate([("a", 1.5), ("b", 2), ("é", -3)], 1):
    sheet.write(row, 0, name)
    sheet.write_number(row, 1, value)
sheet.write_formula("B5", "=SUM(B2:B4)", bold, 0.5)
sheet.write_datetime("C1", datetime.datetime(2024, 5, 6), book.add_format({"num_format": "yyyy-mm-dd"}))
sheet.conditional_format("B2:B4", {"type": "3_color_scale"})
sheet.set_column("A:A", 20)
sheet.autofilter(0, 0, 3, 1)
chart = book.add_chart({"type": "line"})
chart.add_series({"values": "=Data!$B$2:$B$4"})
sheet.insert_chart("D2", chart)
book.close()
archive = zipfile.ZipFile(out)
print(archive.namelist())
print(archive.read("xl/worksheets/sheet1.xml").decode())
print(xl_rowcol_to_cell(1, 27, row_abs=True), xl_range(0, 0, 9, 2))

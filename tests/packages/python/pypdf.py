import io
from pypdf import PdfReader, PdfWriter, Transformation

content = b"BT /F1 24 Tf 72 720 Td (Hello from a page) Tj ET"
objects = [
    b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    b"<</Length %d>>stream\n%s\nendstream" % (len(content), content), b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
]
data, places = b"%PDF-1.4\n", []
for number, body in enumerate(objects, 1):
    places.append(len(data))
    data += b"%d 0 obj%s endobj\n" % (number, body)
start = len(data)
data += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in places)
data += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start
reader = PdfReader(io.BytesIO(data))
print(len(reader.pages), reader.pages[0].extract_text(), reader.pages[0].mediabox)
writer = PdfWriter()
for turn in range(2):
    page = writer.add_page(reader.pages[0])
    page.rotate(90 * turn).add_transformation(Transformation().scale(0.5))
writer.add_metadata({"/Title": "Two"})
writer.add_outline_item("First", 0)
for page in writer.pages:
    page.compress_content_streams()
out = io.BytesIO()
writer.write(out)
again = PdfReader(out)
print(len(again.pages), again.metadata.title, again.pages[1].rotation, again.outline[0].title, again.pages[1].extract_text())

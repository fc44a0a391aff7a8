# docker build -t course .
# docker run --rm -p 8888:8888 course
FROM python:3.13-slim

RUN useradd --create-home student && install -d -o student /home/student/course
USER student
WORKDIR /home/student/course
COPY --chown=student . .
RUN PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 python course.py --cpu doctor

EXPOSE 8888
CMD ["python", "course.py", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"]
